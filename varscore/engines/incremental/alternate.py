"""Differences through the residual blocks, the head and the projection, to scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from varscore.engines.incremental.kernels.products import at_a_time
from varscore.engines.incremental.kernels.stored import take
from varscore.engines.incremental.reference import Segment, Stages
from varscore.engines.incremental.schedule.layout import Alternate, Layout
from varscore.statistics import CoverageChange, Statistic


@dataclass(frozen=True)
class Placed:
    """A member of some variants' ensembles against one segment of the reference.

    Attributes
    ----------
    segment : Segment
    origins : list of int
        The bin of the segment that is bin 0 of each variant's window; B of them.
    alternates : list of (Alternate, Tensor)
        Each that reaches a predicted bin, with its difference of the trunk's output on
        ``alternate.active[0]``, shape (B, W, C).
    """

    segment: Segment
    origins: list[int]
    alternates: list[tuple[Alternate, Tensor]]


def propagate(
    stages: Stages, segment: Segment, origins: Sequence[int], alternate: Alternate, diff: Tensor
) -> Tensor:
    """Carry differences from the trunk's output to what the head reads.

    Parameters
    ----------
    stages : Stages
    segment : Segment
    origins : sequence of int, length B
    alternate : Alternate
    diff : Tensor, shape (B, W, C)
        On the bins ``alternate.active[0]``.

    Returns
    -------
    Tensor, shape (B, N, C)
        On the bins ``alternate.out``.
    """
    steps = stages.steps

    def starts(*firsts: int) -> list[int]:
        return [origin + first for origin in origins for first in firsts]

    points = [*segment.inputs, segment.head_input]
    active = steps.activate(points[0], starts(alternate.active[0].start), diff)
    for i, (dilated, pointwise) in enumerate(stages.blocks):
        if pieces := alternate.pieces[i]:
            at, inputs = starts(*pieces.starts), pieces.of_batch(pieces.taps, len(origins))
            read = take(active.flatten(0, 1), inputs).view(len(at), pieces.width, -1)
            hidden = steps.activate(segment.hidden[i], at, dilated.gathered(read))
            centres = pieces.of_batch(pieces.centre, len(origins))
            old = take(diff.flatten(0, 1), centres).view(len(at), pieces.width, -1)
            new = pointwise.difference(hidden)
            diff, active = steps.add_and_activate(points[i + 1], at, new, old, 0)
            continue
        before, after = alternate.active[i], alternate.active[i + 1]
        taps = dilated.difference(active).view(*active.shape[:2], dilated.kernel, -1)
        first = after.start - before.start
        hidden = steps.activate_taps(
            segment.hidden[i],
            starts(after.start),
            taps,
            after.width,
            first - dilated.reach,
            dilated.dilation,
        )
        new = pointwise.difference(hidden)
        diff, active = steps.add_and_activate(
            points[i + 1], starts(after.start), new, diff, first
        )
    return active


def score_batch(
    stages: Stages,
    layout: Layout,
    placed: Sequence[Placed],
    statistics: Sequence[Statistic],
    swapped: Sequence[bool],
    views: Sequence[Sequence[Sequence[tuple[int, int]]]],
) -> Tensor:
    """Score variants of one layout.

    Parameters
    ----------
    stages : Stages
    layout : Layout
    placed : sequence of Placed
        One for each of the layout's members, in order.
    statistics : sequence of Statistic
    swapped : sequence of bool, length B
        Which variants are scored as a change from their ALT to their REF.
    views : sequence of sequence of pieces, length B
        Of each variant, the pieces of the layout's union in which statistics look; several
        choices of them give statistics each.

    Returns
    -------
    Tensor, shape (B, S, T)
        Of each statistic in every view: S of both together.
    """
    count, device = len(placed[0].origins), placed[0].segment.head.values.values.device
    propagated = [
        [
            (alternate, propagate(stages, member.segment, member.origins, alternate, diff))
            for alternate, diff in member.alternates
        ]
        for member in placed
    ]
    scores = []
    widest = max(layer.width for layer in (stages.head, *stages.tracks))
    step = at_a_time(layout.union.width * widest, device)
    for i in range(0, count, step):
        part = slice(i, i + step)
        some = [
            _through_head(stages, member.segment, member.origins[part], alternates, part)
            for member, alternates in zip(placed, propagated, strict=True)
        ]
        blocks = []
        for block in range(len(stages.tracks)):
            change = CoverageChange(
                partial(_mean_coverage, layout, some, block),
                _mean_difference(stages, layout, some, block),
            ).exchanged(swapped[part])
            blocks.append(_measure(change, statistics, views[part]))
        scores.append(torch.cat(blocks, dim=2))
    return torch.cat(scores)


def _measure(
    change: CoverageChange,
    statistics: Sequence[Statistic],
    views: Sequence[Sequence[Sequence[tuple[int, int]]]],
) -> Tensor:
    """Return every statistic in every view, shape (B, S, T)."""
    if any(view != views[0] for view in views):
        parts = [_measure(change.of(i), statistics, [view]) for i, view in enumerate(views)]
        return torch.cat(parts)
    nothing = change.diff.new_zeros(change.diff.shape[::2], dtype=torch.float64)
    seen = [change.within(pieces) if pieces else None for pieces in views[0]]
    numbers = [
        nothing if part is None else statistic.function(part)
        for statistic in statistics
        for part in seen
    ]
    return torch.stack(numbers, dim=1)


_Alternates = list[tuple[Alternate, Tensor]]
"""Each alternate of a member, with a tensor of some variants."""
_Some = Sequence[tuple[Segment, list[int], _Alternates]]
"""Of each member of some variants: its segment, their origins, what the projection reads."""


def _through_head(
    stages: Stages, segment: Segment, origins: list[int], alternates: _Alternates, part: slice
) -> tuple[Segment, list[int], _Alternates]:
    """Carry some variants of a batch from what the head reads to what the projection does."""
    found = []
    for alternate, active in alternates:
        starts = [origin + alternate.out.start for origin in origins]
        diff = stages.head.difference(active[part])
        found.append((alternate, stages.steps.activate(segment.head, starts, diff)))
    return segment, origins, found


def _mean_coverage(layout: Layout, some: _Some, block: int) -> Tensor:
    """Return the members' mean reference coverage on the union, shape (B, N, T)."""
    total: Tensor | None = None
    for member, (segment, origins, _) in zip(layout.members, some, strict=True):
        span = layout.reported(member)
        logits = segment.logits[block].windows([o + span.start for o in origins], span.width)
        coverage = F.softplus(logits, threshold=40.0)
        if member.reverse:
            coverage = coverage.flip(1)
        total = coverage if total is None else total + coverage
    assert total is not None
    return total if len(some) == 1 else total / len(some)


def _mean_difference(stages: Stages, layout: Layout, some: _Some, block: int) -> Tensor:
    """Return the members' mean difference of coverage on the union, shape (B, N, T)."""
    bins, tracks = layout.reach.config.window_bins, stages.tracks[block]
    total: Tensor | None = None
    for member, (segment, origins, alternates) in zip(layout.members, some, strict=True):
        for alternate, x in alternates:
            diff = stages.steps.softplus(
                segment.logits[block],
                segment.slope[block],
                [origin + alternate.out.start for origin in origins],
                tracks.difference(x),
            )
            frame = alternate.out.mirror(bins) if member.reverse else alternate.out
            if frame == layout.union and len(some) == 1:
                return diff
            if member.reverse:
                diff = diff.flip(1)
            if total is None:
                total = diff.new_zeros(len(diff), layout.union.width, diff.shape[2])
            first = frame.start - layout.union.start
            total[:, first : first + frame.width] += diff
    if total is None:  # nothing that is predicted differs
        first_segment, origins, _ = some[0]
        logits = first_segment.logits[block].values
        return logits.new_zeros(len(origins), layout.union.width, logits.shape[1])
    return total if len(some) == 1 else total / len(some)
