"""Convolutions of bases by tables, against torch's in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.lookup import Lookup
from varscore.engines.incremental.kernels.steps import Steps
from varscore.models.encoding import one_hot


@pytest.mark.parametrize("taps", [1, 3, 4, 5, 11, 15])
@pytest.mark.parametrize("letters", ["ACGT", "ACGTNRYacgtn"])
def test_what_tables_give_is_the_convolution(taps, letters):
    rng = np.random.default_rng(taps)
    bases = one_hot(["".join(rng.choice(list(letters), 60)) for _ in range(3)]).double()
    weight, bias = (torch.from_numpy(rng.normal(size=n)) for n in ((7, 4, taps), 7))
    activate = Steps(GATED_ACTIVATIONS["gelu_new"], torch.float64).apply
    expected = F.conv1d(activate(bases), weight, bias).transpose(1, 2)

    lookup = Lookup(weight.float(), bias.float(), activate)
    found = lookup(bases.float().transpose(1, 2).contiguous())

    assert found.shape == expected.shape == (3, 61 - taps, 7)
    # Weights, bias and tables are rounded once, sums of up to four tables thrice.
    size = F.conv1d(activate(bases).abs(), weight.abs(), bias.abs()).max()
    assert (found - expected).abs().max() < 5 * 2**-24 * size
