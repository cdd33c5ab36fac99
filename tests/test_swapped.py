"""Scoring rows whose ALT is what the genome has, and REF at an ambiguity letter."""

import random

import numpy as np
import pandas as pd
import pytest
from writers import write_fasta, write_vcf

from varscore import read_scores, score_vcf
from varscore.options import OPTIONS
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

SIGNED = ["SAD", "logSAD", "sqrtSAD", "SAX", "logSED"]
NORMS = ["D1", "logD1", "sqrtD1", "D2", "logD2", "sqrtD2"]
STATISTICS = OPTIONS["statistics"].choices
BASES = "".join(random.Random(21).choices("ACGT", k=30_000))
AT = 15_000  # where the row of a single variant is


def own_rows(rng):
    """Make rows as the genome has them: all kinds, some near each other, some at the ends."""
    rows = []
    for number in range(36):
        pos = rng.choice((rng.randint(14_000, 15_000), rng.randint(2, 29_900)))
        length = rng.choice((1, 1, 2, 5))
        ref = BASES[pos - 1 : pos - 1 + length]
        kind = number % 4
        if kind == 0:
            ref = ref[0]
            alt = rng.choice("ACGT".replace(ref, ""))
        elif kind == 1:
            alt = ref[0]
            ref = BASES[pos - 1 : pos + length]
        elif kind == 2:
            alt = ref + "".join(rng.choices("ACGT", k=3))
        else:
            alt = "".join({"A": "C", "C": "G", "G": "T", "T": "A"}[base] for base in ref)
        rows.append(("chr1", pos, ref, alt))
    return rows


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("swapped") / "genome.fa", {"chr1": BASES})


@pytest.fixture(scope="module")
def files(tmp_path_factory, genome):
    """A VCF of the genome's own rows, and one of the same with REF and ALT swapped."""
    folder, rows = tmp_path_factory.mktemp("vcf"), own_rows(random.Random(3))
    own = write_vcf(folder / "own.vcf", rows)
    swapped = [(chrom, pos, alt, ref) for chrom, pos, ref, alt in rows]
    return own, write_vcf(folder / "swapped.vcf", swapped)


def columns(path, statistic):
    return read_scores(path, statistic, columns=[]).to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"engine": "incremental"},
        {"engine": "two-pass"},
        {"engine": "auto", "reverse_complement": True, "shifts": (0, 1)},
        {"engine": "auto", "windows": "binned"},
        {"engine": "two-pass", "indels": "trim"},
    ],
)
def test_a_swapped_row_is_the_own_rows_opposite(options, files, genome, small_model, tmp_path):
    own, swapped = files
    if options["engine"] == "incremental":
        options = {**options, "region": "chr1:9000-21000"}  # away from the contig's ends
    made = {}
    for name, vcf in (("own", own), ("swapped", swapped)):
        made[name] = tmp_path / name
        summary = score_vcf(
            vcf, genome, made[name], model=small_model, statistics=STATISTICS,
            swapped="score", allow_ref_mismatches=True, **options,
        )  # fmt: skip
        assert set(summary.statuses) == {"scored"}
    first, second = read_scores(made["own"], None), read_scores(made["swapped"], None)
    assert len(first) == len(second) > 15
    # Of a deletion, the row that states it the other way round fits the genome as an insertion.
    turned = [not ref.startswith(alt) for ref, alt in first[["ref", "alt"]].to_numpy()]
    assert sum(turned) > 0.6 * len(first)
    keys = [exchanged(key) for key in first["key"][turned]]
    assert second["key"][turned].tolist() == keys
    for signs, names in ((-1, SIGNED), (1, NORMS)):
        for name in names:
            expected = signs * columns(made["own"], name)[turned]
            np.testing.assert_array_equal(columns(made["swapped"], name)[turned], expected)
    for one, other in (("REF", "ALT"), ("ALT", "REF")):
        np.testing.assert_array_equal(
            columns(made["own"], one)[turned], columns(made["swapped"], other)[turned]
        )


def exchanged(key):
    chrom, pos, ref, alt = key.split(":")
    return f"{chrom}:{pos}:{alt}:{ref}"


def direct(model, ref, alt):
    """Score two windows of a float32 prediction by the formulas, in float64."""
    r, a = model.predict([ref, alt]).astype(np.float64)
    floor = np.quantile(r, 0.25, axis=0)
    p, q = ((x + floor) / (x + floor).sum(axis=0) for x in (r, a))
    return {
        "SAD": (a - r).sum(axis=0),
        "logSAD": (np.log2(a + 1) - np.log2(r + 1)).sum(axis=0),
        "D2": np.sqrt(((a - r) ** 2).sum(axis=0)),
        "logSED": np.log2(a.sum(axis=0) + 1) - np.log2(r.sum(axis=0) + 1),
        "JS": ((p - q) * np.log(p / q)).sum(axis=0) / 2,
        "REF": r.sum(axis=0),
        "ALT": a.sum(axis=0),
    }


def window(bases, length, letter):
    """Cut the window of the position AT out, with another letter there."""
    start = AT - 1 - (length // 2 - 1)
    return bases[start : AT - 1] + letter + bases[AT : start + length]


@pytest.mark.parametrize("engine", ["incremental", "two-pass"])
def test_a_swapped_row_by_hand(engine, genome, small_model, tmp_path):
    """Its reference is REF on the genome's other bases, its alternate the genome."""
    alt = BASES[AT - 1]
    ref = "ACGT".replace(alt, "")[0]
    vcf = write_vcf(tmp_path / "one.vcf", [("chr1", AT, ref, alt)])
    score_vcf(
        vcf, genome, tmp_path / "o", model=small_model, statistics=STATISTICS,
        swapped="score", allow_ref_mismatches=True, engine=engine,
    )  # fmt: skip
    length = small_model.config.window_length
    expected = direct(small_model, window(BASES, length, ref), window(BASES, length, alt))
    for name, values in expected.items():
        np.testing.assert_allclose(
            columns(tmp_path / "o", name)[0], values, rtol=2e-4, atol=2e-4, err_msg=name
        )


@pytest.mark.parametrize("engine", ["auto", "two-pass"])
def test_ref_at_an_ambiguity_letter_is_the_base_that_vcf_makes_of_it(
    engine, small_model, tmp_path
):
    """The genome has R, the row A to G: both are held against each other, and R is neither."""
    bases = BASES[: AT - 1] + "R" + BASES[AT:]
    genome = write_fasta(tmp_path / "r.fa", {"chr1": bases})
    vcf = write_vcf(tmp_path / "one.vcf", [("chr1", AT, "A", "G"), ("chr1", AT, "G", "A")])
    score_vcf(
        vcf, genome, tmp_path / "o", model=small_model, statistics=STATISTICS, engine=engine
    )
    rows = read_scores(tmp_path / "o")
    assert rows["status"].tolist() == ["scored", "ref_mismatch"]
    assert rows["reason"].isna().tolist() == [True, False]
    assert rows["reason"][1] == "ambiguity"
    length = small_model.config.window_length
    expected = direct(small_model, window(bases, length, "A"), window(bases, length, "G"))
    assert np.abs(expected["SAD"]).max() > 1e-3
    for name, values in expected.items():
        np.testing.assert_allclose(
            columns(tmp_path / "o", name)[0], values, rtol=2e-4, atol=2e-4, err_msg=name
        )


def test_the_incremental_engine_says_why_it_does_not(small_model, tmp_path, varscore):
    genome = write_fasta(tmp_path / "r.fa", {"chr1": BASES[: AT - 1] + "R" + BASES[AT:]})
    vcf = write_vcf(tmp_path / "one.vcf", [("chr1", AT, "A", "G")])
    with pytest.raises(Exception, match="has an ambiguity letter in place of the reference"):
        score_vcf(vcf, genome, tmp_path / "o", model=small_model, engine="incremental")


@pytest.mark.slow
def test_shards_of_swapped_alleles(files, genome, small_model, tmp_path):
    """A plan says which rows are to be turned; merged scores are those of one run."""
    _, vcf = files
    options = {"swapped": "score", "allow_ref_mismatches": True}
    plan = plan_shards(vcf, genome, tmp_path / "plan", shards=2, **options)
    for entry in plan.shards:
        score_shard(
            tmp_path / "plan" / entry.file_name, genome, tmp_path / entry.file_name,
            model=small_model,
        )  # fmt: skip
    merge_shards(tmp_path / "plan", tmp_path, tmp_path / "merged")
    score_vcf(vcf, genome, tmp_path / "o", model=small_model, **options)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "merged"), pd.read_parquet(tmp_path / "o"),
        check_exact=False, rtol=1e-4, atol=1e-4,
    )  # fmt: skip
