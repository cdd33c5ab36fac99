"""A contig read along one of its strands, and alternate alleles in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from varscore.engines.incremental.schedule.layout import Alternate
from varscore.engines.incremental.schedule.reach import Span
from varscore.inputs.genome import ReferenceGenome
from varscore.models.encoding import one_hot
from varscore.sequence import reverse_complement
from varscore.variant import Interval, Variant
from varscore.windows import Windowing


@dataclass(frozen=True)
class Strand:
    """One strand of a contig; base 0 is the first base of that strand, 5' to 3'.

    Attributes
    ----------
    genome : ReferenceGenome
    contig : str
    length : int
        Bases of the contig.
    reverse : bool
    """

    genome: ReferenceGenome
    contig: str
    length: int
    reverse: bool

    def fetch(self, span: Span) -> str:
        """Return the bases of an interval, N beyond the contig's ends."""
        if not span.width:
            return ""
        if not self.reverse:
            return self.genome.fetch(Interval(self.contig, span.start, span.end))
        start, end = self.length - span.end, self.length - span.start
        return reverse_complement(self.genome.fetch(Interval(self.contig, start, end)))

    def window_start(self, windowing: Windowing, variant: Variant, shift: int) -> int:
        """Return where a variant's window starts on this strand.

        Parameters
        ----------
        windowing : Windowing
        variant : Variant
        shift : int
            Bases by which the window starts further left on the forward strand.
        """
        start = windowing.start(variant, shift)
        return self.length - start - windowing.length if self.reverse else start

    def variant_start(self, variant: Variant) -> int:
        """Return where a variant's reference allele starts."""
        return self.length - variant.end if self.reverse else variant.start

    def allele(self, bases: str) -> str:
        """Return a forward allele's letters on this strand."""
        return reverse_complement(bases) if self.reverse else bases

    def alternate_bases(
        self, variant: Variant, alternate: Alternate, window_start: int, span: Span
    ) -> str:
        """Return bases of an alternate sequence.

        Parameters
        ----------
        variant : Variant
        alternate : Alternate
        window_start : int
        span : Span
            Of bases, counted from the window's start.
        """
        allele = Span(alternate.alt_start, alternate.alt_start + len(variant.alt))
        left = Span(span.start, min(span.end, allele.start))
        right = Span(max(span.start, allele.end), span.end)
        inside = span.meet(allele).shift(-allele.start)
        return (
            self.fetch(left.shift(window_start + alternate.left_offset))
            + (self.allele(variant.alt)[inside.start : inside.end] if inside.width else "")
            + self.fetch(right.shift(window_start + alternate.right_offset))
        )


def encode(sequences: list[str], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return sequences as one-hot, shape (B, L, 4), channels last.

    Parameters
    ----------
    sequences : list of str
        B of one length, L.
    device : torch.device
    dtype : torch.dtype
    """
    return one_hot(sequences).transpose(1, 2).contiguous().to(device, dtype)
