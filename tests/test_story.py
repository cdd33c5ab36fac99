"""How a result was made, in words and as a command: what is told is what the record says."""

import shlex
from dataclasses import asdict

import pytest
import typer.main
from writers import provenance

from varscore.cli import app
from varscore.errors import OutputError
from varscore.options import ScoreOptions
from varscore.results.provenance import BackgroundEntry, GeneRecord
from varscore.results.story import command, fill_in, tell

MODEL = {
    "name": "small", "sha256": "ab" * 32, "form": "native", "activation": "gelu_new",
    "activation_source": "file", "config": {"window_length": 4096, "n_tracks": 2},
}  # fmt: skip
# Every option, at a value that is not its default.
ALL = {
    "statistics": ("SAD", "D2"), "tracks": "match=liver | x", "around": (250, "window"),
    "groups": "assay,tissue", "top_tracks": 3, "keep_tracks": True,
    "background": "back ground.parquet", "windows": "binned", "indels": "trim",
    "reverse_complement": True, "shifts": (-1, 0), "engine": "incremental",
    "precision": "mixed", "region": "chr1:1-10", "max_allele_length": 7,
    "allow_ref_mismatches": True, "swapped": "score", "contigs": "names.tsv", "strict": True,
}  # fmt: skip
OTHERS = {"genes": "genes.gtf", "gene_bins": "tss", "tss_width": 5, "regions": "a.bed"}


def made(options=None, **facts):
    chosen = ScoreOptions(**(options or {}))
    return provenance(**{"model": MODEL, "options": asdict(chosen), **facts})


def parsed(line):
    """Return the options that `varscore score` reads from a command line."""
    program, name, *words = shlex.split(line)
    assert (program, name) == ("varscore", "score")
    with typer.main.get_command(app).commands["score"].make_context("score", words) as context:
        return context.params


@pytest.mark.parametrize("options", [{}, ALL, OTHERS, {"gene_bins": "exons"}], ids=str)
def test_the_command_has_the_options_of_the_record(options):
    given = parsed(command(made(options), "o.parquet"))
    assert (given["vcf"], str(given["genome"]), given["model"]) == (
        ["my.vcf"], "g.fa", "small.safetensors",
    )  # fmt: skip
    assert str(given["output"]) == "o.parquet"
    expected = ScoreOptions(**options)
    found = {name: given[name] for name in asdict(expected) if given[name] is not None}
    assert ScoreOptions(**found) == expected
    assert set(ALL) | set(OTHERS) | {"gene_bins"} == set(asdict(expected))


def test_the_command_names_what_was_given():
    def vcf(name):
        return parsed(command(made(vcf=name), "o.parquet"))["vcf"]

    assert vcf("a.vcf, b c.vcf") == ["a.vcf", "b c.vcf"]
    assert vcf("chr1:5:A:C") == ["chr1:5:A:C"]
    assert vcf("standard input") == ["-"]
    assert vcf("data frame") == vcf("chr1:5:A:C and 2 more") == ["VCF"]

    def model(**facts):
        return parsed(command(made(model=MODEL | facts), "o.parquet"))

    assert model(name="demo")["model"] == "demo"
    assert model(form="hub")["model"] == "small"
    assert model(form="keras")["model"] == "small.h5"
    chosen = model(
        activation="quick_gelu", activation_source="option, in place of gelu_new (x)"
    )
    assert chosen["activation"] == "quick_gelu"
    assert model()["activation"] is None


def test_a_background_that_was_applied_later_is_one_to_score_with():
    applied = made(background=BackgroundEntry("b.parquet", "0"))
    assert str(parsed(command(applied, "o.parquet"))["background"]) == "b.parquet"


def test_what_is_told():
    facts = {"rows": 1003, "statuses": {"scored": 1000, "too_long": 1, "ref_mismatch": 2}}
    said = tell(made(**facts, reasons={"masked": 2}), "folder/x.parquet")
    assert said == [
        f"x.parquet has scores of my.vcf, made by varscore {made().version}.",
        f"The model is small, whose weights have the SHA-256 {'ab' * 32}: it reads 4,096 bases "
        "and predicts 2 tracks, with the activation gelu_new (file).",
        "The genome is g.fa: 1 contig of 600 bases together.",
        "Scores are SAD of all tracks, over the whole window.",
        "All other options are the defaults.",
        "It has 1,003 rows, 1,000 of them scored; the others: 1 too_long, 2 ref_mismatch: 2 "
        "masked.",
        "It was computed with the engine auto in float32 precision (products by onednn, "
        "differences in float32) on cpu, A processor, with PyTorch 2.0.",
    ]


def test_what_is_told_of_options():
    told = "\n".join(tell(made(ALL, background=BackgroundEntry("b.parquet", "0")), "x"))
    assert (
        "Scores are SAD, D2 of the tracks 'match=liver | x', over the bins within 250 bases of "
        "the variant and the whole window; quantiles are among those of b.parquet (SHA-256 0)."
    ) in told
    for name in ("windows is binned (default: centred)", "strict is on", "shifts is -1,0"):
        assert name in told
    told = "\n".join(tell(made(OTHERS, genes=GeneRecord("genes.gtf", "1")), "x"))
    assert (
        "over the start sites of genes near each variant, from genes.gtf (SHA-256 1)." in told
    )
    names = tuple("abcdefg")
    told = "\n".join(tell(made({"tracks": names}), "x"))
    assert "of 7 tracks (a, b, c, d, e and 2 more), over" in told


def test_a_teaching_models_result_says_so_first():
    (first, *_) = tell(made(model=MODEL | {"teaching": True}), "x")
    assert first.startswith("Mind: model small is a teaching model")


def test_what_the_command_lacks_is_said():
    said = fill_in(made(), "o.parquet")
    assert "put in where they are now, and in place of small.safetensors the weights" in said
    assert f"the SHA-256 {'ab' * 32}" in said
    named = fill_in(made(model=MODEL | {"name": "demo"}), "o.parquet")
    assert "weights" not in named


@pytest.mark.parametrize("about", [tell, command, fill_in])
def test_a_shard_without_scores_has_no_story(about):
    with pytest.raises(OutputError, match=r"^x: a shard of a plan, not its scores"):
        about(made(model=None), "x")
