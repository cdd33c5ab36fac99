"""The demo's files are what its script makes, and its truth is what the motifs say."""

import gzip
import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from varscore.inputs.genome import ReferenceGenome
from varscore.variant import Status, Variant
from varscore.windows import Windowing, window_sequences

DEMO = Path(__file__).parents[1] / "resources" / "demo"
sys.path.insert(0, str(DEMO))

import choose  # noqa: E402
import make_demo  # noqa: E402
import simulate  # noqa: E402
import variants  # noqa: E402

SCORES = [f"SAD_{track}" for track in simulate.TRACKS]


@pytest.fixture(scope="module")
def genome():
    return make_demo.make_genome()


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(DEMO / "truth.tsv", sep="\t", keep_default_na=False, dtype={"pos": int})


@pytest.fixture(scope="module")
def scored(truth):
    rows = truth[truth["status"] == "scored"]
    return rows.astype(dict.fromkeys(SCORES, float))


def counts_around(dna):
    """Expected coverage of a DNA string that starts at bin 10 and has N all around it."""
    bins = 20 + len(dna) // simulate.BIN_WIDTH
    padded = ("N" * 10 * simulate.BIN_WIDTH + dna).ljust(bins * simulate.BIN_WIDTH, "N")
    return simulate.expected_coverage(simulate.one_hot(simulate.encode(padded)[None]))[0]


def signal(dna):
    """Counts above the baseline, summed over bins, by track."""
    baseline = torch.tensor([0.3] * 7 + [0.5] * 2 + [0.1] * 2, dtype=torch.float64)
    total = (counts_around(dna) - baseline).sum(dim=0)
    return dict(zip(simulate.TRACKS, total.tolist(), strict=True))


# ---------------------------------------------------------------- the truth, by hand

GABPA = "ACCGGAAGTA"  # aCCGGAAGTr, the best site
TATA = "CTATAAATGGC"  # STATAAAwGgs, likewise


# aCCGGAAGTr: a strong column prefers its base to another by log2(0.94 / 0.02) = 5.555 bits,
# a weak one by log2(0.70 / 0.10) = 2.807, a weak one of two bases by
# log2(0.35 / 0.15) = 1.222; a site is lost at 8 bits.
@pytest.mark.parametrize(
    ("site", "occupancy"),
    [
        ("ACCGGAAGTA", 1.0),
        ("ACCGGAAGTG", 1.0),  # r is A or G
        ("TACTTCCGGT", 1.0),  # the other strand
        ("ACCGCAAGTA", 1 - 5.555 / 8),
        ("CCCGGAAGTA", 1 - 2.807 / 8),
        ("ACCGGAAGTT", 1 - 1.222 / 8),
        ("CCCGGAAGTT", 1 - (2.807 + 1.222) / 8),
        ("ACCTTAAGTA", 0.0),  # 11.1 bits
    ],
)
def test_occupancy_of_a_site_worked_by_hand(site, occupancy):
    found = signal(site)
    assert found["CHIP_GABPA"] == pytest.approx(30 * occupancy, abs=0.01)
    # GABPA opens chromatin by 0.7 in both cell types, 24 counts a site.
    assert found["DNASE_K562"] == pytest.approx(24 * 0.7 * occupancy, abs=0.01)
    assert found["DNASE_HEPG2"] == pytest.approx(24 * 0.7 * occupancy, abs=0.01)
    # Without a TATA box it transcribes nothing, and it is no other factor's site.
    others = set(simulate.TRACKS) - {"CHIP_GABPA", "DNASE_K562", "DNASE_HEPG2"}
    assert all(abs(found[track]) < 1e-9 for track in others)


def test_an_enhancer_drives_a_tata_box_by_its_distance_and_cell_type():
    alone = signal(TATA)
    assert alone["CHIP_TBP"] == pytest.approx(30, abs=0.01)
    assert alone["CAGE_K562"] == pytest.approx(15 * 0.1, abs=0.001)
    gata = "CCAGATAAGAA"  # sCAGATAAGRa
    # Both 11 bases, so their middles lie 11 + 501 = 512 bases, 32 cells, apart.
    together = signal(TATA + "N" * 501 + gata)
    gate = 0.1 + math.exp(-512 / 800)
    assert together["CAGE_K562"] == pytest.approx(15 * gate, abs=0.01)
    assert together["CAGE_HEPG2"] == pytest.approx(15 * 0.1, abs=0.001)  # GATA1 is silent there
    far = signal(TATA + "N" * 2037 + gata)  # beyond 15 bins
    assert far["CAGE_K562"] == pytest.approx(15 * 0.1, abs=0.001)


def test_a_site_spreads_over_bins_as_a_gaussian():
    # The site's middle is base 5 of bin 10, so it counts at the middle of that bin's first
    # cell, base 8: 8 bases from the bin's left edge and 120 from its right. sd 80.
    chip = counts_around(GABPA)[:, simulate.TRACKS.index("CHIP_GABPA")] - 0.3

    def below(distance):
        return (1 + math.erf(distance / 80 / math.sqrt(2))) / 2

    assert chip[9].item() == pytest.approx(30 * (below(-8) - below(-136)), abs=0.01)
    assert chip[10].item() == pytest.approx(30 * (below(120) - below(-8)), abs=0.01)
    assert chip[11].item() == pytest.approx(30 * (below(248) - below(120)), abs=0.01)


# ---------------------------------------------------------------- the files, made again


def test_the_genome_is_made_again_letter_for_letter(genome):
    shipped = gzip.decompress((DEMO / "genome.fa.gz").read_bytes()).decode("ascii")
    assert make_demo.fasta_text(genome) == shipped
    assert {"a", "N"} < set(shipped)  # soft-masked stretches and unknown bases


@pytest.mark.slow
def test_the_variants_and_their_truth_are_made_again(genome, truth):
    records = make_demo.make_records(genome)
    assert make_demo.vcf_text(records) == (DEMO / "demo.vcf").read_text(encoding="ascii")
    # Rounding to four digits may fall differently on another processor; nothing else may.
    rows = [line.split("\t") for line in make_demo.truth_text(genome, records).splitlines()]
    again = pd.DataFrame(rows[1:], columns=rows[0])
    assert list(again) == list(truth)
    words = [name for name in truth if name not in SCORES]
    pd.testing.assert_frame_equal(again[words], truth[words].astype(str), check_dtype=False)
    known = again["status"] == "scored"
    np.testing.assert_allclose(
        again.loc[known, SCORES].astype(float),
        truth.loc[known, SCORES].astype(float),
        atol=1.1e-4,
        rtol=0,
    )
    assert (truth.loc[~known, SCORES] == "").all(axis=None)


def test_the_backgrounds_variants_do_nothing_and_are_not_in_the_vcf(genome, truth, monkeypatch):
    monkeypatch.setattr(choose, "NEUTRAL", 40)
    taken = set(zip(truth["chrom"], truth["pos"], strict=True))
    records = choose.choose_neutral(genome, taken, np.random.default_rng(1))
    places = [(record.chrom, record.pos) for record in records]
    assert places == sorted(set(places) - taken)
    assert len(places) == 40
    for record in records[::8]:
        change = variants.trimmed(record.chrom, record.pos, record.ref, *record.alts)
        assert change.kind == "snv"
        assert np.abs(variants.true_sad(genome, change)).max() < 1e-9


def test_true_scores_follow_from_the_windows_that_varscore_reads(scored):
    reference = ReferenceGenome(DEMO / "genome.fa.gz")
    windowing = Windowing(length=simulate.WINDOW_LENGTH, bin_width=simulate.BIN_WIDTH)
    crop = simulate.CROP_BINS
    near_an_end = scored[scored["pos"] < 8_000]
    assert len(near_an_end) > 2
    sample = pd.concat([near_an_end, *(rows.tail(4) for _, rows in scored.groupby("kind"))])
    for row in sample.itertuples():
        change = variants.trimmed(row.chrom, row.pos, row.ref, row.alt)
        variant = Variant(change.contig, change.start + 1, change.ref, change.alt)
        read = window_sequences(reference, variant, windowing)
        codes = np.stack([simulate.encode(dna) for dna in (read.ref, *read.alts)])
        counts = simulate.expected_coverage(simulate.one_hot(codes))
        alt = counts[1]
        if read.seam is not None:
            alt = torch.cat([counts[1][: read.seam], counts[2][read.seam :]])
        sad = (alt - counts[0])[crop:-crop].sum(dim=0)
        shipped = [getattr(row, name) for name in SCORES]
        np.testing.assert_allclose(sad, shipped, atol=1e-4, err_msg=row.id)


# ---------------------------------------------------------------- what the files hold


def test_the_vcf_is_sorted_and_its_references_are_the_genomes(truth):
    lines = (DEMO / "demo.vcf").read_text(encoding="ascii").splitlines()
    fields = [line.split("\t") for line in lines if not line.startswith("#")]
    places = [(chrom, int(pos)) for chrom, pos, *_ in fields]
    assert places == sorted(places)  # chrA, chrB, chrC
    assert len({record[2] for record in fields}) == len(fields) > 400
    alleles = [
        (chrom, int(pos), name, ref, alt)
        for chrom, pos, name, ref, alts, *_ in fields
        for alt in alts.split(",")
    ]
    columns = ["chrom", "pos", "id", "ref", "alt"]
    assert alleles == list(truth[columns].itertuples(index=False, name=None))

    contigs = {}
    for block in gzip.decompress((DEMO / "genome.fa.gz").read_bytes()).decode().split(">")[1:]:
        name, *rest = block.split("\n")
        contigs[name] = "".join(rest).upper()
    for row in truth.itertuples():
        found = contigs.get(row.chrom, "")[row.pos - 1 : row.pos - 1 + len(row.ref)]
        unfit = {"ref_mismatch", "unknown_contig", "outside_contig"}
        assert (found == row.ref) == (row.status not in unfit), row.id


def test_every_status_that_a_vcf_can_show_is_there(truth):
    assert set(truth["status"]) == set(Status) - {Status.TOO_LONG, Status.NO_GENE}


def test_every_class_is_there_and_does_what_its_name_says(scored):
    assert set(scored["kind"]) == {"snv", "mnv", "insertion", "deletion", "delins"}
    for number, factor in enumerate(simulate.FACTOR_NAMES):
        own = scored[scored["factor"] == factor]
        chip = own[SCORES[number]]
        breaks, creates = own["class"] == "breaks", own["class"] == "creates"
        assert (chip[breaks] < -9).all()  # 0.4 of 30 counts, less where it is near a window's
        assert (chip[creates] > 9).all()
        snvs = own["kind"] == "snv"
        assert (breaks & snvs).sum() >= 14
        assert (creates & snvs).sum() >= 5
        assert (snvs & (own["class"] == "silent")).sum() >= 5
    quiet = scored["class"].isin(["silent", "neutral"]) & scored["kind"].isin(["snv", "mnv"])
    assert quiet.sum() >= 130
    assert (scored.loc[quiet, SCORES] == 0).all(axis=None)


def test_the_model_is_small_and_says_that_it_teaches():
    path = DEMO / make_demo.MODEL
    assert path.stat().st_size <= 2_000_000
    with safe_open(path, framework="pt") as weights:
        about = json.loads(weights.metadata()["varscore"])
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float32}  # noqa: SIM118
    assert about["tracks"]["identifiers"] == list(simulate.TRACKS)
    assert about["metadata"]["teaching"] is True
    assert "mean nothing for real genomes" in about["metadata"]["source"]
    assert about["config"]["window_length"] == simulate.WINDOW_LENGTH


def test_the_report_is_about_the_shipped_model():
    report = json.loads((DEMO / "report.json").read_text(encoding="ascii"))
    assert (
        report["model_sha256"]
        == hashlib.sha256((DEMO / make_demo.MODEL).read_bytes()).hexdigest()
    )


def test_a_quota_that_cannot_be_filled_is_an_error(genome):
    with pytest.raises(RuntimeError, match="found 0 of"):
        choose._fill(choose.QUOTAS[0], "CTCF", [], {})
