"""Where a number that is not finite comes from: for the message that refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2, ConvBlock
from varscore.models.encoding import one_hot
from varscore.models.precision import full_float32
from varscore.sequence import reverse_complement
from varscore.variant import Variant
from varscore.windows import Windowing, window_sequences


def first_not_finite(
    network: Basenji2, genome: ReferenceGenome, windowing: Windowing, variant: Variant
) -> str | None:
    """Name the first layer that gives a number that is not finite for a variant's windows.

    Parameters
    ----------
    network : Basenji2
    genome : ReferenceGenome
    windowing : Windowing
    variant : Variant

    Returns
    -------
    str or None
        Such as "layer blocks.3.dilated gives infinity", the layer as its tensors are named;
        None if all numbers of all windows are finite, in the network's own precision.
    """
    weight = network.final.weight
    found: list[str] = []

    def look(name: str, output: Tensor) -> None:
        if not found and not torch.isfinite(output).all():
            what = "no numbers" if torch.isnan(output).any() else "infinity"
            found.append(f"layer {name} gives {what}")

    with ExitStack() as hooks, torch.inference_mode(), full_float32():
        for name, module in network.named_modules():
            if isinstance(module, ConvBlock | nn.Linear):
                hook = module.register_forward_hook(
                    lambda _, __, output, name=name: look(name, output)
                )
                hooks.callback(hook.remove)
        for window in _windows(genome, windowing, variant):
            network(one_hot([window]).to(weight.device, weight.dtype))
            if found:
                return found[0]
    return None


def _windows(genome: ReferenceGenome, windowing: Windowing, variant: Variant) -> Iterator[str]:
    """Yield every window that the scores of a variant are made of."""
    for shift in windowing.shifts:
        cut = window_sequences(genome, variant, windowing, shift)
        for window in (cut.ref, *cut.alts):
            yield window
            if windowing.reverse_complement:
                yield reverse_complement(window)
