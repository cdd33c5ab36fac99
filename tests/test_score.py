"""From a VCF to a Parquet file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from policy_table import POLICY, SAME_VARIANT
from writers import write_vcf

import varscore.scoring
from varscore import ScoreOptions, load_model, read_metadata, read_scores, score_vcf
from varscore.errors import ModelError, OptionError, OutputError, VcfError
from varscore.models.model import Model
from varscore.variant import Status

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[2] / "shared" / "data"
LENGTH, BIN, CROP = 16_384, 128, 16


@pytest.fixture
def genome(oracle_genome):
    return oracle_genome


def bases_of(fasta, contig):
    records = fasta.read_text().split(">")[1:]
    parts = dict(record.split("\n", 1) for record in records)
    return parts[contig].replace("\n", "")


def test_policy_file_end_to_end(small_model, policy_genome, tmp_path):
    out = tmp_path / "out.parquet"
    summary = score_vcf(DATA / "policy.vcf", policy_genome, out, model=small_model)
    table = pd.read_parquet(out)
    rows = zip(table["id"], table["allele"], table["status"], table["key"], strict=True)
    assert [(i, a, Status(s), k) for i, a, s, k in rows] == POLICY
    assert summary.rows == len(table) == len(POLICY)
    scores = table.filter(like="SAD_")
    assert scores.shape[1] == 12
    scored = table["status"] == "scored"
    assert scores[scored].notna().all(axis=None)
    assert scores[~scored].isna().all(axis=None)
    assert summary.statuses["scored"] == scored.sum()
    for names in SAME_VARIANT:
        same = scores[table["id"].isin(names) & (table["allele"] == 1)]
        assert len(same) >= len(names)
        assert (same == same.iloc[0]).all(axis=None)


def test_metadata_say_how_a_result_was_made(small_model, policy_genome, tmp_path):
    out = tmp_path / "out.parquet"
    score_vcf(DATA / "policy.vcf", policy_genome, out, model=small_model, shifts=[0, 1])
    metadata = read_metadata(out)
    assert metadata["model"]["sha256"] == small_model.sha256
    assert metadata["model"]["activation"] == "gelu_new"
    assert metadata["genome"]["contigs"] == {"chr1": 600, "2": 400, "MT": 400}
    assert metadata["genome"]["m5"].keys() == {"chr1", "2", "MT"}
    assert metadata["options"]["shifts"] == [0, 1]
    assert metadata["rows"] == len(POLICY)


def spliced(sequence, start, end):
    """Return genome bases from start to end, N where it has none."""
    inside = sequence[max(start, 0) : max(end, 0)]
    return "N" * max(0, -start) + inside + "N" * (end - start - max(0, -start) - len(inside))


def flip(sequence):
    return sequence.translate(str.maketrans("ACGTN", "TGCAN"))[::-1]


@pytest.mark.parametrize(
    ("pos", "ref_length", "alt"),
    [
        (20_558, 1, "T"),
        (20_600, 3, "TTA"),
        (23_205, 5, "A"),
        (30_439, 1, "TGGATT"),
        (9_001, 2, "CCCC"),
    ],
)
def test_scores_by_plain_splicing(pos, ref_length, alt, small_model, genome, tmp_path):
    """A stitched, two-strand, three-shift SAD and D2 from strings and `predict` alone."""
    dna = bases_of(genome, "inside")
    ref = dna[pos - 1 : pos - 1 + ref_length]
    if 1 in (ref_length, len(alt)) and ref_length != len(alt):  # an anchored indel
        alt = ref[0] + alt[1:]
    vcf = write_vcf(tmp_path / "one.vcf", [("inside", pos, ".", ref, alt)])
    score_vcf(
        vcf,
        genome,
        tmp_path / "out.parquet",
        model=small_model,
        statistics=["SAD", "D2"],
        shifts=[0, 3, -2],
        reverse_complement=True,
    )
    table = read_scores(tmp_path / "out.parquet", statistic=None)
    # The normal form, which may be a shorter spelling further left, places the windows.
    _, at, ref, alt = table["key"][0].split(":")
    first = int(at) - 1
    altered = dna[:first] + alt + dna[first + len(ref) :]
    change = len(alt) - len(ref)
    refs, alts = [], []
    for shift in (0, 3, -2):
        start = first - (LENGTH // 2 - 1) - shift
        windows = [
            spliced(dna, start, start + LENGTH),
            spliced(altered, start, start + LENGTH),
            spliced(altered, start + change, start + change + LENGTH),
        ]
        seam = (first - start) // BIN + 1 - CROP
        for strand in (False, True):
            r, left, right = small_model.predict([flip(w) if strand else w for w in windows])
            if strand:
                r, left, right = r[::-1], left[::-1], right[::-1]
            refs.append(r)
            alts.append(np.concatenate([left[:seam], right[seam:]]))
    difference = np.mean(alts, axis=0, dtype=float) - np.mean(refs, axis=0, dtype=float)
    sad, d2 = difference.sum(axis=0), np.sqrt((difference**2).sum(axis=0))
    found = table.filter(like="SAD_").to_numpy()[0], table.filter(like="D2_").to_numpy()[0]
    assert np.abs(sad).max() > 1e-2
    np.testing.assert_allclose(found[0], sad, atol=1e-4)
    np.testing.assert_allclose(found[1], d2, rtol=1e-3, atol=1e-5)


def test_rows_do_not_depend_on_chunks(small_model, genome, tmp_path, monkeypatch):
    vcf = DATA / "oracle" / "variants.vcf"
    score_vcf(vcf, genome, tmp_path / "whole.parquet", model=small_model)
    monkeypatch.setattr(varscore.scoring, "_CHUNK_ALLELES", 5)
    score_vcf(vcf, genome, tmp_path / "parts.parquet", model=small_model)
    whole, parts = (pd.read_parquet(tmp_path / f"{n}.parquet") for n in ("whole", "parts"))
    pd.testing.assert_frame_equal(whole, parts, rtol=1e-4, atol=1e-4)


def test_equal_variants_are_computed_once(small_model, genome, tmp_path):
    seen = []
    hook = small_model.network.register_forward_hook(lambda m, x, y: seen.append(len(y)))
    base = bases_of(genome, "inside")[19_999]
    alt = "A" if base != "A" else "C"
    vcf = write_vcf(tmp_path / "same.vcf", [("inside", 20_000, ".", base, alt)] * 7)
    score_vcf(vcf, genome, tmp_path / "o.parquet", model=small_model, engine="two-pass")
    hook.remove()
    assert sum(seen) == 2
    scores = read_scores(tmp_path / "o.parquet")["SAD_track_0"]
    assert (scores == scores[0]).all()


def test_tracks_are_a_selection(small_model, genome, tmp_path):
    vcf = DATA / "oracle" / "variants.vcf"
    score_vcf(vcf, genome, tmp_path / "all.parquet", model=small_model)
    score_vcf(
        vcf, genome, tmp_path / "some.parquet", model=small_model, tracks="track_7,track_2"
    )
    every, some = (read_scores(tmp_path / f"{n}.parquet") for n in ("all", "some"))
    assert [c for c in some.columns if c.startswith("SAD")] == ["SAD_track_2", "SAD_track_7"]
    pd.testing.assert_frame_equal(some, every[some.columns], rtol=1e-4, atol=1e-4)


def test_region_takes_records_by_pos(small_model, genome, tmp_path):
    vcf, out = DATA / "oracle" / "variants.vcf", tmp_path / "o.parquet"
    score_vcf(vcf, genome, out, model=small_model, region="inside:9384-14733")
    table = read_scores(out)
    assert table["pos"].tolist() == [9384, 9585, 10136, 14733]
    assert table["record"].tolist() == [12, 13, 14, 15]


def mismatching(genome, n_wrong, n_right):
    dna = bases_of(genome, "inside")
    other = str.maketrans("ACGT", "CGTA")
    rows = []
    for i in range(n_wrong + n_right):
        base = dna[10_000 + i]
        ref = base.translate(other) if i < n_wrong else base
        rows.append(("inside", 10_001 + i, ".", ref, ref.translate(other)))
    return rows


def test_another_build_stops_the_run(small_model, genome, tmp_path):
    vcf, out = write_vcf(tmp_path / "v.vcf", mismatching(genome, 6, 3)), tmp_path / "o.parquet"
    with pytest.raises(
        VcfError, match=r"of 9 REF alleles compared, 6 differ.*different builds"
    ):
        score_vcf(vcf, genome, out, model=small_model)
    assert [p.name for p in tmp_path.iterdir() if "parquet" in p.name] == []
    score_vcf(vcf, genome, out, model=small_model, allow_ref_mismatches=True)
    assert read_scores(out)["status"].tolist() == ["ref_mismatch"] * 6 + ["scored"] * 3


def test_no_contig_in_common(small_model, genome, tmp_path):
    vcf = write_vcf(tmp_path / "v.vcf", [("chr9", 5, ".", "A", "C")])
    with pytest.raises(VcfError, match=r"none of its contigs \(chr9\).*\(inside, left\)"):
        score_vcf(vcf, genome, tmp_path / "o.parquet", model=small_model)


def test_an_empty_vcf_gives_an_empty_table(small_model, genome, tmp_path):
    vcf, out = write_vcf(tmp_path / "v.vcf", []), tmp_path / "o.parquet"
    assert score_vcf(vcf, genome, out, model=small_model).rows == 0
    table = pd.read_parquet(out)
    assert len(table) == 0
    assert table["SAD_track_3"].dtype == np.float32


def test_scores_that_are_no_numbers_leave_no_file(small_model, genome, tmp_path):
    """Weights that overflow: infinity minus infinity must not become a score."""
    network = load_model(DATA / "weights_keras" / "model.h5", device="cpu").network
    with torch.no_grad():
        network.final.weight.mul_(1e38)
    broken = Model(network, small_model.tracks, small_model.metadata)
    vcf, out = DATA / "oracle" / "variants.vcf", tmp_path / "o.parquet"
    with pytest.raises(ModelError, match=r"expected a finite number"):
        score_vcf(vcf, genome, out, model=broken)
    assert [p.name for p in tmp_path.iterdir() if "parquet" in p.name] == []


def test_an_existing_output_is_kept(small_model, genome, tmp_path):
    out = tmp_path / "o.parquet"
    out.write_text("precious")
    with pytest.raises(OutputError, match="--force"):
        score_vcf(DATA / "oracle" / "variants.vcf", genome, out, model=small_model)
    assert out.read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"statistics": ["SADD"]}, "statistics: 'SADD' is none of SAD"),
        ({"windows": "centered"}, "windows: 'centered' is none of centred, binned"),
        ({"indels": "both"}, "indels: 'both' is none of stitch, trim"),
        ({"engine": "fast"}, "engine: 'fast' is none of auto"),
        ({"shifts": []}, "shifts"),
        ({"shifts": [1, 1]}, "shifts"),
        ({"max_allele_length": 0}, "max_allele_length"),
    ],
)
def test_wrong_options(option, message):
    with pytest.raises(OptionError, match=message):
        ScoreOptions(**option)


@pytest.mark.parametrize("option", [{"shifts": [5000]}, {"max_allele_length": 5000}])
def test_options_that_leave_the_window(option, small_model, genome, tmp_path):
    vcf = DATA / "oracle" / "variants.vcf"
    with pytest.raises(OptionError, match="more than a quarter of the model's window"):
        score_vcf(vcf, genome, tmp_path / "o.parquet", model=small_model, **option)


def test_unknown_option_is_a_type_error(genome, tmp_path):
    with pytest.raises(TypeError, match="statistic"):
        score_vcf("a.vcf", genome, tmp_path / "o.parquet", statistic=["SAD"])


@pytest.mark.skipif(not SHARED.exists(), reason="real data (../shared/data) are not here")
def test_real_variants_across_n(small_model, tmp_path):
    """Eight eQTL of hg38 chr1, whose windows reach the N before base 10,001."""
    fasta = tmp_path / "hg38.fa.gz"
    fasta.write_bytes((SHARED / "human" / "hg38_chr1_1Mb.fa.gz").read_bytes())
    lines = (SHARED / "human" / "hg38_chr1_eqtl.vcf").read_text().splitlines()[1:]
    rows = [line.split("\t")[:5] for line in lines]  # the file lacks its #CHROM line
    vcf, out = write_vcf(tmp_path / "eqtl.vcf", rows), tmp_path / "o.parquet"
    score_vcf(vcf, fasta, out, model=small_model)
    table = read_scores(out)
    assert table["status"].tolist() == ["scored"] * 8
    assert (table.filter(like="SAD_").abs().max(axis=1) > 1e-4).all()
