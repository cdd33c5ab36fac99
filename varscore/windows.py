"""Where windows lie on the genome, and the reference and alternate sequences in them.

This module defines what every engine computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from varscore.errors import OptionError
from varscore.inputs.genes import Gene, Genes
from varscore.inputs.genome import ReferenceGenome
from varscore.models.config import BasenjiConfig
from varscore.options import IndelMode, ScoreOptions, Width, WindowKind
from varscore.variant import GeneRow, Interval, Reference, Variant

Bins = tuple[tuple[int, int], ...]
"""Bins of a window, before any crop: the first and the one behind the last of each piece."""


@dataclass(frozen=True)
class Windowing:
    """How windows are laid around variants.

    Attributes
    ----------
    length : int
        Bases of a window, L.
    bin_width : int
        Bases of a bin.
    kind : {"centred", "binned"}
        "centred": the variant's first base is window base L/2 - 1. "binned": that start is
        rounded up to a multiple of the bin width, so that the variant lies in the same bin
        of the window as when centred, but anywhere in it.
    indels : {"stitch", "trim"}
        How alleles of different lengths are held against each other: in the reference's
        frame on either side of the variant, or each centre-trimmed to L as the original
        scorer does.
    shifts : tuple of int
        Predictions are averaged over windows that start this many bases further left.
    reverse_complement : bool
        Whether predictions are averaged over both strands too.
    around : tuple of (int or "window")
        Bases to either side of the variant's REF in whose bins statistics look, or
        "window" for all that is predicted; several give statistics each.
    """

    length: int
    bin_width: int
    kind: WindowKind = "centred"
    indels: IndelMode = "stitch"
    shifts: tuple[int, ...] = (0,)
    reverse_complement: bool = False
    around: tuple[Width, ...] = ("window",)

    def start(self, variant: Variant, shift: int = 0) -> int:
        """Return where a variant's reference window starts.

        Parameters
        ----------
        variant : Variant
        shift : int
            Bases by which the window starts further left.

        Returns
        -------
        int
            0-based on the variant's contig; may be negative.
        """
        start = variant.start - (self.length // 2 - 1)
        if self.kind == "binned":
            start = -(-start // self.bin_width) * self.bin_width
        return start - shift

    def variant_bin(self, variant: Variant, shift: int = 0) -> int:
        """Return the bin of the window, before any crop, that holds the variant's first base.

        Parameters
        ----------
        variant : Variant
        shift : int
            As in `start`.
        """
        return (variant.start - self.start(variant, shift)) // self.bin_width

    def trimmed(self, variant: Variant) -> tuple[int, int]:
        """Return by how many bases the reference and the alternate window move right.

        Of alleles that are centre-trimmed: the original scorer takes as many bases more as the
        longer one has, then drops half of the excess, rounded down, on the left.

        Parameters
        ----------
        variant : Variant
        """
        if self.indels != "trim":
            return 0, 0
        change = variant.length_change
        return max(0, -change) // 2, max(0, change) // 2

    def frame_start(self, variant: Variant) -> int:
        """Return where the reference window lies whose bins are meant wherever bins count.

        It is not shifted; of centre-trimmed alleles it is the trimmed one.

        Parameters
        ----------
        variant : Variant

        Returns
        -------
        int
            0-based on the variant's contig; may be negative.
        """
        return self.start(variant) + self.trimmed(variant)[0]

    def bins_holding(
        self,
        variant: Variant,
        stretches: Sequence[tuple[int, int]],
        predicted: tuple[int, int],
    ) -> Bins:
        """Return the predicted bins that hold a base of some stretches of the contig.

        Parameters
        ----------
        variant : Variant
            Whose reference window's bins they are.
        stretches : sequence of (int, int)
            0-based and half-open, in order.
        predicted : tuple of int
            As for `chosen_bins`.

        Returns
        -------
        Bins
            Empty where none does.
        """
        origin = self.frame_start(variant)
        first, behind = predicted
        found: list[tuple[int, int]] = []
        for start, end in stretches:
            low = max((start - origin) // self.bin_width, first)
            high = min((end - 1 - origin) // self.bin_width + 1, behind)
            if found and low <= found[-1][1]:
                found[-1] = found[-1][0], max(high, found[-1][1])
            elif low < high:
                found.append((low, high))
        return tuple(found)

    def chosen_bins(
        self, offset: int, ref_length: int, predicted: tuple[int, int]
    ) -> tuple[Bins, ...]:
        """Return the bins in which statistics look, of each width in `around`.

        They are the predicted bins that hold a base of REF, or one that is no further from it
        than the width, in the reference window that is not shifted.

        Parameters
        ----------
        offset : int
            Base of the reference window, 0-based, at which REF starts.
        ref_length : int
            Bases of REF.
        predicted : tuple of int
            The first bin that is predicted and the one behind the last, before any crop.

        Returns
        -------
        tuple of Bins
        """
        first, behind = predicted
        chosen: list[Bins] = []
        for width in self.around:
            if width != "window":
                low = (offset - width) // self.bin_width
                high = (offset + ref_length - 1 + width) // self.bin_width + 1
                chosen.append(((max(low, first), min(high, behind)),))
            else:
                chosen.append((predicted,))
        return tuple(chosen)


def windowing_for(options: ScoreOptions, config: BasenjiConfig) -> Windowing:
    """Return where windows lie for some options and a model.

    Parameters
    ----------
    options : ScoreOptions
    config : BasenjiConfig

    Raises
    ------
    OptionError
        If shifts or the longest allele would move variants out of the window's middle.
    """
    room = config.window_length // 4
    # As the reference window is moved by half of what is deleted: see `window_sequences`.
    seen = config.n_bins * config.bin_width
    outside = options.max_allele_length + 2 * config.bin_width > seen
    if outside and options.indels == "trim" and options.around != ("window",):
        raise OptionError(
            f"around: a deletion of {options.max_allele_length} bases (max_allele_length), "
            f"centre-trimmed to the window (indels: trim), may lie outside the {seen} bases "
            "that the model predicts; give a smaller max_allele_length, or stitch indels"
        )
    for name, number in (
        ("shifts", max(abs(shift) for shift in options.shifts)),
        ("max_allele_length", options.max_allele_length),
    ):
        if number > room:
            raise OptionError(
                f"{name}: {number} is more than a quarter of the model's window "
                f"({config.window_length} bases), {room}"
            )
    return Windowing(
        length=config.window_length,
        bin_width=config.bin_width,
        kind=options.windows,
        indels=options.indels,
        shifts=options.shifts,
        reverse_complement=options.reverse_complement,
        around=options.around,
    )


@dataclass(frozen=True)
class WindowSequences:
    """What the model is to read for one variant at one shift, forward strand.

    Attributes
    ----------
    ref : str
        L bases of the reference.
    alts : tuple of str
        L bases each of the alternate: one sequence, or for a stitched indel two, the first
        with its left flank in register with `ref`, the second with its right flank.
    seam : int or None
        Window bins before this one are read off the first of two alternates, this one and
        those after it off the second; None where there is one alternate.
    """

    ref: str
    alts: tuple[str, ...]
    seam: int | None = None


def window_sequences(
    genome: ReferenceGenome, variant: Variant, windowing: Windowing, shift: int = 0
) -> WindowSequences:
    """Cut a variant's windows out of the genome.

    Bases beyond the contig's ends are N.

    Parameters
    ----------
    genome : ReferenceGenome
    variant : Variant
        Its REF must be what the genome has there, or is taken for it.
    windowing : Windowing
    shift : int
        Bases by which the windows start further left.

    Returns
    -------
    WindowSequences
    """
    start, change = windowing.start(variant, shift), variant.length_change
    end = start + windowing.length

    def reference(start: int, end: int) -> str:
        if start >= end:
            return ""
        bases = genome.fetch(Interval(variant.contig, start, end))
        if variant.reference is not Reference.REDUCED:
            return bases
        before, after = max(variant.start - start, 0), max(variant.end - start, 0)
        own = variant.ref[max(start - variant.start, 0) : max(end - variant.start, 0)]
        return bases[:before] + own + bases[after:]

    def alternate(start: int, end: int) -> str:
        """Bases of the contig that has the alternate allele, in its own coordinates."""
        first = variant.start
        return (
            reference(start, min(end, first))
            + variant.alt[max(start - first, 0) : max(end - first, 0)]
            + reference(max(start - change, variant.end), end - change)
        )

    if windowing.indels == "stitch" and change:
        return WindowSequences(
            ref=reference(start, end),
            alts=(alternate(start, end), alternate(start + change, end + change)),
            seam=windowing.variant_bin(variant, shift) + 1,
        )
    ref_by, alt_by = windowing.trimmed(variant)
    return WindowSequences(
        ref=reference(start + ref_by, end + ref_by),
        alts=(alternate(start + alt_by, end + alt_by),),
    )


def genes_near(
    genes: Genes, variant: Variant, windowing: Windowing, config: BasenjiConfig
) -> list[tuple[GeneRow, Bins]]:
    """Return the genes that lie in what is predicted of a variant's window.

    Parameters
    ----------
    genes : Genes
    variant : Variant
    windowing : Windowing
    config : BasenjiConfig

    Returns
    -------
    list of (GeneRow, Bins)
        In order of position, each with the predicted bins that are the gene's.
    """
    predicted = config.crop_bins, config.crop_bins + config.n_bins
    origin, width = windowing.frame_start(variant), config.bin_width
    start, end = (origin + bins * width for bins in predicted)
    return [
        (
            GeneRow(gene.gene_id, gene.gene_name, gene.strand, _distance(variant, gene)),
            windowing.bins_holding(variant, gene.intervals, predicted),
        )
        for gene in genes.overlapping(variant.contig, start, end)
    ]


def _distance(variant: Variant, gene: Gene) -> int | None:
    """Return the bases from REF to the nearest start site."""
    return min(
        (max(variant.start - site, site - variant.end + 1, 0) for site in gene.sites),
        default=None,
    )
