"""Choosing between engines: the same scores from whichever, and no silent difference."""

from pathlib import Path

import numpy as np
import pytest
import torch

from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.engines.processor import Processor
from varscore.errors import OptionError

DATA = Path(__file__).parent / "data"
VCF = DATA / "oracle" / "variants.vcf"


@pytest.fixture
def genome(oracle_genome):
    return oracle_genome


def scores(genome, model, engine, **options):
    out = genome.with_name(f"{engine}.parquet")
    score_vcf(VCF, genome, out, model=model, engine=engine, force=True, **options)
    table = read_scores(out, statistic=None)
    return table.filter(regex="_track_").to_numpy(), read_metadata(out)


@pytest.mark.parametrize(
    "options",
    [
        {"statistics": ["SAD", "logSAD", "SAX", "D2"]},
        {"statistics": ["SAD", "JS", "REF"], "tracks": "track_1,track_5"},
        {"shifts": [0, 1], "reverse_complement": True},
        {"windows": "binned"},
        {"indels": "trim"},
    ],
)
def test_auto_gives_the_scores_of_two_passes(options, genome, small_model):
    automatic, metadata = scores(genome, small_model, "auto", **options)
    defined, _ = scores(genome, small_model, "two-pass", **options)
    assert metadata["engine"]["engine"] == "auto"
    np.testing.assert_allclose(automatic, defined, rtol=2e-4, atol=2e-4)


def test_incremental_refuses_what_it_cannot_do(genome, small_model):
    with pytest.raises(
        OptionError, match=r"incremental engine does not score it because .*trim"
    ):
        scores(genome, small_model, "incremental", indels="trim")
    assert not genome.with_name("incremental.parquet").exists()


PROCESSOR = Processor.of(torch.device("cpu"))
FLOAT32 = {
    "engine": "auto",
    "kernel": "packed" if PROCESSOR.packs else "matmul",
    "differences": "float32",
    "reference_projection": "float32",
    "filtered_trunk": True,
    "device": "cpu",
    "processor": PROCESSOR.name,
}
REDUCED = "bfloat16" if PROCESSOR.bfloat16 else "float32"
MIXED = {"differences": REDUCED, "reference_projection": REDUCED}


@pytest.mark.parametrize(
    ("engine", "precision", "other"),
    [
        ("auto", "float32", {}),
        ("auto", "mixed", MIXED),
        ("incremental", "float32", {"engine": "incremental"}),
        ("incremental", "mixed", {"engine": "incremental"} | MIXED),
        (
            "two-pass",
            "float32",
            {"engine": "two-pass", "kernel": "conv1d", "filtered_trunk": False},
        ),
    ],
)
def test_arithmetic_is_recorded(genome, small_model, engine, precision, other):
    _, metadata = scores(genome, small_model, engine, precision=precision, region="inside")
    assert metadata["options"]["precision"] == precision
    assert metadata["engine"] == FLOAT32 | other


def test_two_passes_refuse_what_they_cannot_honour(genome, small_model):
    with pytest.raises(OptionError, match=r"precision: 'mixed' .*two-pass"):
        scores(genome, small_model, "two-pass", precision="mixed")
    with pytest.raises(OptionError, match=r"precision: 'mixed' .*two-pass"):
        ScoreOptions(engine="two-pass", precision="mixed")


def test_two_passes_say_what_memory_one_window_needs(genome, small_model):
    with pytest.raises(OptionError, match=r"memory: 0\.00 GiB .* takes 0\.01 GiB"):
        scores(genome, small_model, "two-pass", memory=1 << 20)
    assert not genome.with_name("two-pass.parquet").exists()
