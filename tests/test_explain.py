"""One variant in full: `varscore explain`, held against what `score` writes."""

import json
from pathlib import Path

import numpy as np
import pysam
import pytest
from annotations import gtf_row
from writers import write_vcf, write_weights

from varscore import ScoreOptions, load_model, read_scores, score, score_vcf
from varscore.errors import VcfError
from varscore.inputs.genome import ReferenceGenome
from varscore.prediction.explanation import explain
from varscore.variant import Interval

DEMO = Path(__file__).parents[1] / "resources" / "demo"
GENOME = DEMO / "genome.fa.gz"
BREAKS = "chrB:155872:T:A"  # GATA1's best site, by the demo's truth


@pytest.fixture(scope="module")
def model():
    return load_model("demo", device="cpu")


@pytest.fixture(scope="module")
def broken(model):
    (one,) = explain(BREAKS, GENOME, model=model)
    return one


def test_effects_are_the_scores(broken, model, tmp_path):
    path = tmp_path / "s.parquet"
    score_vcf([BREAKS], GENOME, path, model=model, statistics=("SAD", "REF", "ALT"))
    frame = read_scores(path, None).iloc[0]
    effects = [effect for kind in broken.classes.values() for effect in kind]
    names = model.tracks.identifiers
    factors = [name for name in names if name.startswith("CHIP")]
    factors.sort(key=lambda name: -abs(frame[f"SAD_{name}"]))
    shown = {*factors[:5], *(name for name in names if name not in factors)}
    assert {effect.identifier for effect in effects} == shown
    for effect in effects:
        name = effect.identifier
        assert effect.score == pytest.approx(frame[f"SAD_{name}"], rel=1e-5, abs=1e-5)
        assert effect.ref == pytest.approx(frame[f"REF_{name}"], rel=1e-5)
        assert effect.alt == pytest.approx(frame[f"ALT_{name}"], rel=1e-5)
        ratio = np.log2((effect.alt + 1) / (effect.ref + 1))
        assert effect.log2_ratio == pytest.approx(ratio, rel=1e-3, abs=1e-6)
    for kind in broken.classes.values():
        sizes = [abs(effect.score) for effect in kind]
        assert sizes == sorted(sizes, reverse=True)


def test_tracks_that_have_numbers_for_names_are_one_class(tmp_path):
    tiny = load_model(write_weights(tmp_path / "tiny.safetensors", 4096), device="cpu")
    (one,) = explain(BREAKS, GENOME, model=tiny)
    (effects,) = one.classes.values()
    assert sorted(effect.identifier for effect in effects) == ["track_0", "track_1"]


def test_the_factor_whose_site_is_broken_comes_first(broken):
    assert broken.classes["TF"][0].identifier == "CHIP_GATA1"
    assert broken.classes["TF"][0].score < -20
    assert [tissue.name for tissue in broken.tissues] == ["blood/myeloid", "liver"]
    assert broken.tissues[0].tracks == 2


def test_what_the_genome_has_there(broken):
    with ReferenceGenome(GENOME) as genome:
        before, after = (
            genome.fetch(Interval("chrB", *ends))
            for ends in ((155861, 155871), (155872, 155882))
        )
    assert broken.context == f"{before}[T>A]{after}"
    assert (broken.kind, broken.status, broken.variant) == ("substitution", "scored", BREAKS)
    assert any("teaching model" in note for note in broken.notes)


def test_it_says_how_unusual(model):
    options = ScoreOptions(background=DEMO / "background.parquet")
    (one,) = explain(BREAKS, GENOME, model=model, options=options)
    factor = one.classes["TF"][0]
    assert (factor.identifier, factor.quantile < 0.001) == ("CHIP_GATA1", True)
    assert one.beyond >= 2 > one.expected == pytest.approx(0.011)
    assert one.corrected < 0.01


def test_what_is_unusual(model):
    """By hand: the window of 16,384 bases begins 8,191 before the variant's base."""
    with ReferenceGenome(GENOME) as genome:
        ref = genome.fetch(Interval("chrA", 99, 100)).upper()
        unknown = genome.fetch(Interval("chrA", 0, 99 - 8191 + 16384)).upper().count("N")
    alt = "ACGT"["ACGT".index(ref) - 1]
    (one,) = explain(f"chrA:100:{ref}:{alt}", GENOME, model=model)
    assert "8,092 of the window's 16,384 bases lie beyond the end of chrA" in one.notes[1]
    assert len(one.notes) == 2 + (unknown > 0)


def test_a_name_in_a_vcf_means_every_alt_of_its_record(model):
    found = explain("multiallelic_8", GENOME, vcf=str(DEMO / "demo.vcf"), model=model)
    assert [one.variant for one in found] == ["chrA:4834:GTAAT:G", "chrA:4834:G:A"]
    assert [one.kind for one in found] == ["deletion of 4 bases", "substitution"]
    with pytest.raises(VcfError, match="none of its records is called 'rs1'"):
        explain("rs1", GENOME, vcf=str(DEMO / "demo.vcf"), model=model)


def test_a_variant_that_is_not_scored(model):
    (one,) = explain("chrB:155872:A:T", GENOME, model=model)
    assert (one.status, one.reason, one.classes) == ("ref_mismatch", "swapped", {})
    assert one.context is None
    with pysam.FastaFile(str(GENOME)) as genome:
        base = genome.fetch("chrB", 155_871, 155_872).upper()
    said = f"REF is A, where the genome has {base}; --swapped score scores it in the row's dir"
    assert one.notes[-1].startswith(said)
    assert (
        explain("chrB:155872:A:T", GENOME, model=model, swapped="score")[0].status == "scored"
    )


def test_the_nearest_genes(model, tmp_path):
    gtf = tmp_path / "g.gtf"
    gtf.write_text(
        gtf_row("chrB", "transcript", 150_001, 151_000, "-", 'gene_id "far"; transcript_id "a"')
        + gtf_row(
            "chrB", "transcript", 155_901, 157_000, "+", 'gene_id "near"; transcript_id "b"'
        )
    )
    (one,) = explain(BREAKS, GENOME, model=model, options=ScoreOptions(genes=gtf))
    # Starts at 155,901 and, on the other strand, 151,000: 29 and 4,872 bases from 155,872.
    assert [(g["gene_id"], g["gene_distance"]) for g in one.genes] == [
        ("near", 29),
        ("far", 4872),
    ]


def test_the_command(varscore, tmp_path):
    vcf = write_vcf(tmp_path / "in.vcf", [("chrB", 155872, "mine", "T", "A")])
    words = ("explain", "mine", "--vcf", vcf, "--genome", GENOME, "--model", "demo")
    code, out, _ = varscore(*words, "--around", "1000")
    assert code == 0
    for text in (f"{BREAKS}  (mine, substitution)", "CHIP:GATA1", "liver (2 tracks)", "cite: "):
        assert text in out
    code, out, _ = varscore(*words, "--json")
    (one,) = json.loads(out)
    assert (code, one["variant"], one["made"]["model"]) == (0, BREAKS, "demo")


def test_scores_in_memory_are_those_of_a_file(model, tmp_path):
    options = {"statistics": ("SAD", "D1"), "top_tracks": 2, "keep_tracks": True}
    variants = [BREAKS, "chrB:155872:A:T", "chrA:4829:T:G"] * 7
    frame = score(variants, GENOME, model=model, allow_ref_mismatches=True, **options)
    path = tmp_path / "s.parquet"
    score_vcf(variants, GENOME, path, model=model, allow_ref_mismatches=True, **options)
    expected = read_scores(path, None)
    assert frame.attrs["model"]["name"] == "demo"
    frame = frame[expected.columns]
    assert frame.equals(expected)
