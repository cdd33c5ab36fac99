"""Differences through the residual blocks, the head and the projection, to scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from varscore.engines.caches import cached_blocks, cached_parts
from varscore.engines.difference import softplus_difference
from varscore.engines.layout import Layout, Path
from varscore.engines.reference import Point, Segment, Stages
from varscore.statistics import CoverageChange, Statistic


@dataclass(frozen=True)
class Placed:
    """A member of some variants' ensembles against one segment of the reference.

    Attributes
    ----------
    segment : Segment
    origins : list of int
        The bin of the segment that is bin 0 of each variant's window; B of them.
    paths : list of (Path, Tensor)
        Each path that reaches a predicted bin, with its difference of the trunk's output on
        ``path.active[0]``, shape (B, W, C).
    """

    segment: Segment
    origins: list[int]
    paths: list[tuple[Path, Tensor]]


def _activate(stages: Stages, point: Point, starts: Sequence[int], diff: Tensor) -> Tensor:
    """Return the difference after an activation of the reference from `starts` on."""
    out = torch.empty_like(diff)
    for part, rows in cached_blocks(diff):
        first, width = [start + rows.start for start in starts[part]], rows.stop - rows.start
        ref, gate = (x.windows(first, width) for x in (point.values, point.gate))
        stages.activation.difference(ref, gate, diff[part, rows], out[part, rows])
    return out


def propagate(
    stages: Stages, segment: Segment, origins: Sequence[int], path: Path, diff: Tensor
) -> Tensor:
    """Carry differences from the trunk's output to the head's.

    Parameters
    ----------
    stages : Stages
    segment : Segment
    origins : sequence of int, length B
    path : Path
    diff : Tensor, shape (B, W, C)
        On the bins ``path.active[0]``.

    Returns
    -------
    Tensor, shape (B, N, C)
        What the final projection reads, on the bins ``path.out``.
    """

    def at(point: Point, bin_: int, change: Tensor) -> Tensor:
        return _activate(stages, point, [origin + bin_ for origin in origins], change)

    for i, (dilated, pointwise) in enumerate(stages.blocks):
        before, after = path.active[i], path.active[i + 1]
        active = at(segment.inputs[i], before.start, diff)
        hidden = dilated.difference(active, before, after)
        new = pointwise.difference(at(segment.hidden[i], after.start, hidden))
        kept = before.meet(after)
        old = diff[:, kept.start - before.start : kept.end - before.start]
        new[:, kept.start - after.start : kept.end - after.start] += old
        diff = new
    hidden = stages.head.difference(at(segment.head_input, path.out.start, diff))
    return at(segment.head, path.out.start, hidden)


def score_batch(
    stages: Stages, layout: Layout, placed: Sequence[Placed], statistics: Sequence[Statistic]
) -> Tensor:
    """Score variants of one layout.

    Parameters
    ----------
    stages : Stages
    layout : Layout
    placed : sequence of Placed
        One for each of the layout's members, in order.
    statistics : sequence of Statistic

    Returns
    -------
    Tensor, shape (B, S, T)
    """
    count, device = len(placed[0].origins), placed[0].segment.head.values.values.device
    projected = [
        [
            (path, propagate(stages, member.segment, member.origins, path, diff))
            for path, diff in member.paths
        ]
        for member in placed
    ]
    scores = []
    for block, tracks in enumerate(stages.tracks):
        changes = [[(path, tracks.difference(x)) for path, x in paths] for paths in projected]
        numbers = layout.union.width * tracks.width
        rows = []
        for part in cached_parts(count, numbers, device):
            change = CoverageChange(
                _mean_coverage(layout, placed, block, part),
                _mean_difference(layout, placed, changes, block, part),
            )
            rows.append(torch.stack([s.function(change) for s in statistics], dim=1))
        scores.append(torch.cat(rows))
    return torch.cat(scores, dim=2)


def _mean_coverage(layout: Layout, placed: Sequence[Placed], block: int, part: slice) -> Tensor:
    """Return the members' mean reference coverage on the union, shape (B, N, T)."""
    total: Tensor | None = None
    for member, place in zip(layout.members, placed, strict=True):
        span = layout.reported(member)
        starts = [origin + span.start for origin in place.origins[part]]
        coverage = place.segment.coverage[block].windows(starts, span.width)
        if member.reverse:
            coverage = coverage.flip(1)
        total = coverage if total is None else total + coverage
    assert total is not None
    return total if len(placed) == 1 else total / len(placed)


def _mean_difference(
    layout: Layout,
    placed: Sequence[Placed],
    changes: Sequence[Sequence[tuple[Path, Tensor]]],
    block: int,
    part: slice,
) -> Tensor:
    """Return the members' mean difference of coverage on the union, shape (B, N, T)."""
    bins = layout.reach.config.window_bins
    total: Tensor | None = None
    for member, place, paths in zip(layout.members, placed, changes, strict=True):
        for path, logits in paths:
            starts = [origin + path.out.start for origin in place.origins[part]]
            ref, slope = (
                stored[block].windows(starts, path.out.width)
                for stored in (place.segment.logits, place.segment.slope)
            )
            diff = softplus_difference(ref, slope, logits[part])
            frame = path.out.mirror(bins) if member.reverse else path.out
            if frame == layout.union and len(placed) == 1:
                return diff
            if member.reverse:
                diff = diff.flip(1)
            if total is None:
                total = diff.new_zeros(len(diff), layout.union.width, diff.shape[2])
            first = frame.start - layout.union.start
            total[:, first : first + frame.width] += diff
    if total is None:  # nothing that is predicted differs
        return torch.zeros_like(_mean_coverage(layout, placed, block, part))
    return total if len(placed) == 1 else total / len(placed)
