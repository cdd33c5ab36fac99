"""Choosing between engines: the same scores from whichever, and no silent difference."""

from pathlib import Path

import numpy as np
import pytest

from varscore import read_metadata, read_scores, score_vcf
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


def test_precision_is_recorded(genome, small_model):
    _, metadata = scores(genome, small_model, "auto", precision="mixed")
    assert metadata["options"]["precision"] == "mixed"
    assert "float32" in metadata["engine"]["products"]
