"""What a change of bases can reach: intervals carried through the model's layers.

Bases and bins are counted from the start of a window; a bin of it may lie outside the crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from varscore.models.config import BasenjiConfig

FAR = 1 << 40
"""Further than any sequence reaches: the open end of an interval."""


class Span(NamedTuple):
    """A half-open interval of bases or bins."""

    start: int
    end: int

    @property
    def width(self) -> int:
        """Positions in it; 0 where it is empty."""
        return max(0, self.end - self.start)

    def widen(self, by: int) -> Span:
        """Return it with `by` more positions at each end; an open end stays open."""
        return Span(
            self.start if self.start == -FAR else self.start - by,
            self.end if self.end == FAR else self.end + by,
        )

    def shift(self, by: int) -> Span:
        """Return it moved to the right."""
        return Span(self.start + by, self.end + by)

    def meet(self, other: Span) -> Span:
        """Return what lies in both; of width 0 where nothing does."""
        return Span(max(self.start, other.start), min(self.end, other.end))

    def join(self, other: Span) -> Span:
        """Return the smallest interval with both; an empty one adds nothing."""
        if not self.width or not other.width:
            return self if self.width else other
        return Span(min(self.start, other.start), max(self.end, other.end))

    def covers(self, other: Span) -> bool:
        """Whether the other, if it is not empty, lies inside."""
        return not other.width or (self.start <= other.start and other.end <= self.end)

    def mirror(self, length: int) -> Span:
        """Return it as counted from the other end of `length` positions."""
        return Span(length - self.end, length - self.start)


@dataclass(frozen=True)
class Reach:
    """Interval arithmetic of one architecture.

    Attributes
    ----------
    config : BasenjiConfig
    """

    config: BasenjiConfig

    @property
    def kernels(self) -> tuple[int, ...]:
        """Kernel size of each trunk convolution; each is followed by a pooling."""
        tower = self.config.tower_kernel_size
        return (self.config.stem_kernel_size, *(tower for _ in self.config.tower_channels))

    @property
    def block_reaches(self) -> tuple[int, ...]:
        """Bins that each residual block looks to either side."""
        half = self.config.block_kernel_size // 2
        return tuple(half * dilation for dilation in self.config.dilations)

    def bins_reading(self, bases: Span) -> Span:
        """Trunk bins that some of these bases reach."""
        span = bases
        for kernel in self.kernels:
            span = span.widen(kernel // 2)
            start = span.start if span.start == -FAR else span.start // 2
            end = span.end if span.end == FAR else -(-span.end // 2)
            span = Span(start, end)
        return span

    def bases_read(self, bins: Span) -> Span:
        """Bases that these trunk bins depend on."""
        span = bins
        for kernel in reversed(self.kernels):
            span = Span(2 * span.start, 2 * span.end).widen(kernel // 2)
        return span

    @property
    def edge(self) -> int:
        """Trunk bins at each end of a window that feel the zero padding beyond it."""
        return -(self.bases_read(Span(0, 1)).start // self.config.bin_width)

    @property
    def clean(self) -> Span:
        """Trunk bins of a window that do not feel its ends."""
        return Span(self.edge, self.config.window_bins - self.edge)

    @property
    def predicted(self) -> Span:
        """Window bins that survive the crop."""
        return Span(self.config.crop_bins, self.config.window_bins - self.config.crop_bins)

    def end_bases(self, start: int) -> tuple[Span, Span]:
        """Bases of a window at `start` that decide the trunk bins that feel its ends."""
        width, end = 2 * self.edge * self.config.bin_width, start + self.config.window_length
        return Span(start, start + width), Span(end - width, end)

    def changed(self, trunk: Span) -> tuple[Span, ...]:
        """Bins that differ before each residual block, and after the last one."""
        spans = [trunk]
        for reach in self.block_reaches:
            spans.append(spans[-1].widen(reach))
        return tuple(spans)

    def needed(self, out: Span) -> tuple[Span, ...]:
        """Bins that `out` depends on before each residual block, and after the last one."""
        spans = [out]
        for reach in reversed(self.block_reaches):
            spans.append(spans[-1].widen(reach) if out.width else out)
        return tuple(reversed(spans))
