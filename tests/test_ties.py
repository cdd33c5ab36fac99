"""SAX where two bins tie: the first of them, in both engines, as in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from writers import write_fasta

from varscore.engines.incremental.engine import IncrementalEngine
from varscore.engines.processor import Processor
from varscore.engines.two_pass import TwoPassEngine
from varscore.inputs.genome import ReferenceGenome
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.models.random import random_checkpoint
from varscore.statistics import STATISTICS
from varscore.variant import Variant
from varscore.windows import Windowing

# No layer reads more than a position before it pools: a bin tells of its own bases alone.
ALONE = BasenjiConfig(
    window_length=2048,
    n_tracks=40,
    stem_channels=6,
    stem_kernel_size=1,
    tower_channels=(7, 8),
    tower_kernel_size=1,
    num_blocks=1,
    block_channels=6,
    block_kernel_size=1,
    head_channels=9,
    crop_bins=20,
)
SAX = [STATISTICS["SAX"]]
POS = 3000
BIN = 1023 // 8 - ALONE.crop_bins  # of the variant's first base, the last of its bin
ENGINES = {
    "two passes": (TwoPassEngine, torch.float32, {}),
    "two passes, float64": (TwoPassEngine, torch.float64, {}),
    "incremental": (IncrementalEngine, torch.float32, {}),
    "incremental, float64": (IncrementalEngine, torch.float64, {}),
    "mixed": (
        IncrementalEngine,
        torch.float32,
        {
            "precision": "mixed",
            "processor": replace(Processor.of(torch.device("cpu")), bfloat16=True),
        },
    ),
}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("both_strands", [False, True])
@pytest.mark.parametrize(("ref", "alt"), [("AC", "CA"), ("CA", "AC")])
def test_of_two_bins_that_exchange_their_bases_the_first_counts(
    tmp_path, name, both_strands, ref, alt
):
    """One bin has what the other had: coverage rises in one as it falls in the other."""
    bases = "G" * (POS - 1) + ref + "G" * 3000
    kind, dtype, options = ENGINES[name]
    checkpoint = random_checkpoint(ALONE)
    exact = checkpoint.network(torch.float64)
    start = POS - 1 - 1023
    window = bases[start : start + 2048]
    other = window[:1023] + alt + window[1025:]
    with torch.inference_mode():
        coverage = exact(one_hot([window, other]).double())
        if both_strands:
            turned = one_hot([window, other]).flip(1, 2).double()  # A C G T read backwards
            coverage = (coverage + exact(turned).flip(1)) / 2
    change = (coverage[1] - coverage[0]).numpy()
    if not both_strands:
        np.testing.assert_allclose(change[BIN], -change[BIN + 1], rtol=1e-9)
    assert np.flatnonzero(np.abs(change).max(1) > 1e-12).tolist() == [BIN, BIN + 1]
    windowing = Windowing(2048, 8, reverse_complement=both_strands)
    with ReferenceGenome(write_fasta(tmp_path / "g.fa", {"c": bases})) as genome:
        engine = kind(checkpoint.network(dtype), genome, windowing, SAX, range(40), **options)
        found = engine.score([Variant("c", POS, ref, alt)])[0, 0]
    if name == "mixed":  # rounds more than the rule allows for: any of the two
        found = np.where(np.sign(found) == np.sign(change[BIN]), found, -found)
    tolerance = 2e-2 if name == "mixed" else 1e-3
    least = 1e-2 if name == "mixed" else 1e-6
    np.testing.assert_allclose(found, change[BIN], rtol=tolerance, atol=least)
