"""Working in pieces that stay in a processor's caches."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

# Numbers in a tensor that a chain of elementwise steps works on at a time, so that the chain
# stays in a CPU's caches; a GPU has the bandwidth and wants few, large steps.
_CACHED = {"cpu": 1 << 17, "cuda": 1 << 26}


def cached_parts(count: int, size: int, device: torch.device) -> Iterator[slice]:
    """Cut `count` items of `size` numbers each into parts that fit a processor's caches."""
    step = max(1, _CACHED.get(device.type, _CACHED["cpu"]) // max(size, 1))
    return (slice(i, min(i + step, count)) for i in range(0, count, step))


def cached_blocks(tensor: Tensor) -> Iterator[tuple[slice, slice]]:
    """Cut a tensor's first two dimensions into blocks that fit; the first one's go together."""
    count, rows, *rest = tensor.shape
    size = math.prod(rest)
    for items in cached_parts(count, rows * size, tensor.device):
        if items.stop - items.start > 1:
            yield items, slice(0, rows)
        else:
            for part in cached_parts(rows, size, tensor.device):
                yield items, part
