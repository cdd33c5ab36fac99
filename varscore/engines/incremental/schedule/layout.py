"""Which predictions a variant's score is made of, and what of each differs from the reference.

A *member* is one window of the ensemble: a strand and a shift. An *alternate* is a sequence of
it with the alternate allele: one for a substitution, two for a stitched indel, one with the
left flank in register with the reference, one with the right flank. Everything here depends on
where the variant lies in its window and how long its alleles are, not on where it lies on the
genome.

Strand coordinates: bases and bins of a member's window are counted along its own strand.
The *frame* counts bins along the forward strand, where members are averaged.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

from varscore.engines.incremental.schedule.pieces import Pieces, plan_pieces
from varscore.engines.incremental.schedule.reach import FAR, Reach, Span
from varscore.models.config import BasenjiConfig
from varscore.variant import Variant
from varscore.windows import Bins, Windowing

Register = Literal["both", "left", "right"]


@dataclass(frozen=True)
class Alternate:
    """One alternate sequence of a member, in strand coordinates of the member's window.

    Attributes
    ----------
    register : {"both", "left", "right"}
        The flank that keeps its place against the reference; both for a substitution.
    active : tuple of Span
        Bins whose difference is carried, before each residual block and after the last.
    crossing, moved : Span
        For an indel, the parts of ``active[0]`` that read the alternate allele, and that
        read nothing but the flank out of register: the reference trunk of another phase.
    alt_start : int
        Window base at which the alternate allele starts.
    left_offset, right_offset : int
        Alternate base y is reference base y + offset, left and right of the allele.
    pieces : tuple of Pieces or None
        Of each residual block, what it computes if not all of ``active``.
    """

    register: Register
    active: tuple[Span, ...]
    crossing: Span
    moved: Span
    alt_start: int
    left_offset: int
    right_offset: int

    pieces: tuple[Pieces | None, ...]

    @property
    def out(self) -> Span:
        """Window bins whose prediction differs and counts."""
        return self.active[-1]

    @property
    def moved_offset(self) -> int:
        """Bases from a moved bin to the reference bases it reads."""
        return self.left_offset or self.right_offset


@dataclass(frozen=True)
class Member:
    """One window of the ensemble."""

    reverse: bool
    shift: int
    alternates: tuple[Alternate, ...]


@dataclass(frozen=True)
class Layout:
    """How one kind of variant is scored.

    Attributes
    ----------
    reach : Reach
    members : tuple of Member
    views : tuple of tuple of Span
        Frame bins that statistics are given, for each choice of bins in which they look: of
        those that count, every bin that differs in some member, or all where a statistic needs
        them. Without any, nothing that counts differs.
    own : bool
        Whether the reference is the window's own, zero padding and all, instead of one
        that windows of the same phase share.
    """

    reach: Reach
    members: tuple[Member, ...]
    views: tuple[tuple[Span, ...], ...]
    own: bool

    @cached_property
    def union(self) -> Span:
        """The bins of all views, and those between them; empty where there is none."""
        return _hull(bins for view in self.views for bins in view)

    @cached_property
    def views_of_union(self) -> tuple[tuple[Span, ...], ...]:
        """The views, counted from the union's first bin."""
        return tuple(
            tuple(bins.shift(-self.union.start) for bins in view) for view in self.views
        )

    @cached_property
    def shape(self) -> Hashable:
        """Equal for layouts whose variants can be scored as one batch."""
        members = tuple(
            (m.reverse, m.shift, tuple((p.register, p.active) for p in m.alternates))
            for m in self.members
        )
        return self.union, self.own, members

    def reported(self, member: Member) -> Span:
        """Return the union in the member's strand coordinates."""
        bins = self.reach.config.window_bins
        return self.union.mirror(bins) if member.reverse else self.union

    def trunk_needed(self, member: Member) -> Span:
        """Return the trunk bins that the member's reference needs, in strand coordinates."""
        if self.own:
            return self.reach.clean
        return self.reach.needed(self.reported(member))[0]

    @cached_property
    def refusal(self) -> str | None:
        """Why the difference arithmetic does not hold for this kind of variant, or None."""
        for member in self.members:
            for alternate in member.alternates:
                if not self.reach.clean.covers(alternate.active[0]):
                    found, clean = alternate.active[0], self.reach.clean
                    return (
                        f"the variant changes trunk bins {found.start}-{found.end} of its "
                        f"window, outside bins {clean.start}-{clean.end} that do not feel "
                        "the zero padding at the window's ends"
                    )
        return None


def layout_of(
    config: BasenjiConfig,
    windowing: Windowing,
    variant: Variant,
    *,
    whole_window: bool,
    bins: Bins | None = None,
) -> Layout:
    """Return the layout of a variant.

    Parameters
    ----------
    config : BasenjiConfig
    windowing : Windowing
        With ``indels="stitch"`` where the variant is an indel.
    variant : Variant
    whole_window : bool
        Whether the statistics need every bin that counts.
    bins : Bins, optional
        Those that count, in place of what the windowing chooses; at least one.
    """
    offset = variant.start - windowing.start(variant)
    alt_length = len(variant.alt)
    return _layout(config, windowing, offset, len(variant.ref), alt_length, whole_window, bins)


@lru_cache(maxsize=4096)
def _layout(
    config: BasenjiConfig,
    windowing: Windowing,
    offset: int,
    ref_length: int,
    alt_length: int,
    whole_window: bool,
    bins: Bins | None,
) -> Layout:
    reach = Reach(config)
    predicted = (reach.predicted.start, reach.predicted.end)
    choices = (bins,) if bins else windowing.chosen_bins(offset, ref_length, predicted)
    chosen = [tuple(Span(*piece) for piece in choice) for choice in choices]

    def members_for(wanted: Span) -> tuple[Member, ...]:
        return tuple(
            _member(reach, windowing, wanted, offset, (ref_length, alt_length), reverse, shift)
            for reverse in ((False, True) if windowing.reverse_complement else (False,))
            for shift in windowing.shifts
        )

    members = members_for(_hull(piece for choice in chosen for piece in choice))
    changed = _hull(
        alternate.out.mirror(config.window_bins) if member.reverse else alternate.out
        for member in members
        for alternate in member.alternates
    )
    seen = reach.predicted if whole_window else changed
    views = tuple(
        tuple(seen.meet(piece) for piece in choice if seen.meet(piece).width)
        for choice in chosen
    )
    shared = Layout(reach, members, views, own=False)
    if not shared.union.covers(changed):  # what lies between pieces that count, or beside them
        shared = Layout(reach, members_for(shared.union), views, own=False)
    if all(reach.clean.covers(shared.trunk_needed(member)) for member in shared.members):
        return shared
    return replace(shared, own=True)


def _hull(spans: Iterable[Span]) -> Span:
    """Return the smallest interval with all of some."""
    hull = Span(0, 0)
    for span in spans:
        hull = hull.join(span)
    return hull


def _member(
    reach: Reach,
    windowing: Windowing,
    wanted: Span,
    offset: int,
    lengths: tuple[int, int],
    reverse: bool,
    shift: int,
) -> Member:
    """Return a member; bins `wanted` and the variant's base `offset` are the frame's."""
    length, bins = reach.config.window_length, reach.config.window_bins
    ref_length, alt_length = lengths
    offset += shift
    seam = offset // windowing.bin_width + 1
    if reverse:
        offset, seam = length - offset - ref_length, bins - seam
        wanted = wanted.mirror(bins)
    alternates: tuple[Alternate, ...]
    if ref_length == alt_length:
        changed = Span(offset, offset + ref_length)
        alternates = (
            _alternate(reach, windowing, "both", changed, wanted, offset, alt_length, 0),
        )
    else:
        change = alt_length - ref_length
        left = Span(-FAR, seam).meet(wanted)
        right = Span(seam, FAR).meet(wanted)
        end = offset + ref_length
        alternates = (
            _alternate(
                reach, windowing, "left", Span(offset, FAR), left, offset, alt_length, change
            ),
            _alternate(
                reach,
                windowing,
                "right",
                Span(-FAR, end),
                right,
                end - alt_length,
                alt_length,
                change,
            ),
        )
    return Member(reverse, shift, alternates)


def _alternate(
    reach: Reach,
    windowing: Windowing,
    register: Register,
    changed: Span,
    wanted: Span,
    alt_start: int,
    alt_length: int,
    change: int,
) -> Alternate:
    """Return an alternate that differs at the bases `changed`, read at bins `wanted`."""
    if windowing.kind == "binned":  # one layout for every position of a variant in its bin
        width = windowing.bin_width
        start = changed.start if changed.start == -FAR else changed.start // width * width
        end = changed.end if changed.end == FAR else -(-changed.end // width) * width
        changed = Span(start, end)
    spans = reach.changed(reach.bins_reading(changed))
    out = spans[-1].meet(wanted)
    window = Span(0, reach.config.window_bins)
    active = tuple(
        span.meet(needed).meet(window)
        for span, needed in zip(spans, reach.needed(out), strict=True)
    )
    first = active[0]
    if not first.width:  # what changes lies outside the window
        active = tuple(Span(0, 0) for _ in active)
    crossing, moved, left_offset, right_offset = first, Span(0, 0), 0, 0
    if register == "left":
        pure = reach.bins_reading(Span(-FAR, alt_start + alt_length)).end
        crossing, moved = first.meet(Span(-FAR, pure)), first.meet(Span(pure, FAR))
        right_offset = -change
    elif register == "right":
        pure = reach.bins_reading(Span(alt_start, FAR)).start
        crossing, moved = first.meet(Span(pure, FAR)), first.meet(Span(-FAR, pure))
        left_offset = change
    offsets, pieces = (left_offset, right_offset), plan_pieces(reach, active)
    return Alternate(register, active, crossing, moved, alt_start, *offsets, pieces)
