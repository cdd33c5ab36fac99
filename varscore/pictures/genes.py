"""Genes below a figure: a line from end to end, a box an exon, the name and strand beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from varscore.pictures.style import BLACK, SMALL, drawable, text_width

MOST_ROWS = 5
_LONGEST_NAME = 24
_APART = 0.08  # inches
_ARROWS = {"+": " →", "-": " ←"}


class GeneShape(NamedTuple):
    """A gene as it is drawn; positions are 0-based and half-open.

    Attributes
    ----------
    name : str
    strand : {"+", "-", "."}
    start, end : int
    exons : sequence of (int, int)
    """

    name: str
    strand: str
    start: int
    end: int
    exons: Sequence[tuple[int, int]]


class _Placed(NamedTuple):
    gene: GeneShape
    row: int
    label: str
    label_start: float


def place_genes(
    genes: Sequence[GeneShape], start: int, end: int, inches: float
) -> tuple[list[_Placed], int]:
    """Put genes into rows, so that neither they nor their names overlap.

    Parameters
    ----------
    genes : sequence of GeneShape
        Those that do not reach into the axis are passed over.
    start, end : int
        Ends of the axis.
    inches : float
        Its length.

    Returns
    -------
    placed : list of _Placed
        Rows are counted from 0, from the top.
    left_out : int
        How many there is no room for.
    """
    scale = (end - start) / inches
    wanted = []  # where each begins and ends with its name, and where the name begins
    for gene in genes:
        if gene.start < end and gene.end > start:
            label = drawable(gene.name[:_LONGEST_NAME]) + _ARROWS.get(gene.strand, "")
            width = text_width(label, SMALL) * scale
            low, high = float(max(gene.start, start)), float(min(gene.end, end))
            at = max(float(start), min(low, end - width))
            wanted.append((min(low, at), max(high, at + width), gene, label, at))
    room = [float("-inf")] * MOST_ROWS
    placed = []
    for low, high, gene, label, at in sorted(wanted):
        row = next((row for row, taken in enumerate(room) if taken < low), None)
        if row is not None:
            room[row] = high + _APART * scale
            placed.append(_Placed(gene, row, label, at))
    return placed, len(wanted) - len(placed)


def draw_genes(axes: Axes, placed: Sequence[_Placed], rows: int) -> None:
    """Draw genes that were placed; the axis along the genome has its limits already.

    Parameters
    ----------
    axes : Axes
    placed : sequence of _Placed
    rows : int
        How many rows there is room for.
    """
    axes.set_ylim(rows, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for gene, row, label, label_start in placed:
        axes.plot([gene.start, gene.end], [row + 0.25] * 2, color=BLACK, linewidth=0.7)
        for first, behind in gene.exons:
            axes.add_patch(
                Rectangle((first, row + 0.1), behind - first, 0.3, color=BLACK, linewidth=0.5)
            )
        text = axes.text(label_start, row + 0.95, label, fontsize=SMALL, va="bottom")
        text.set_bbox({"facecolor": "white", "linewidth": 0, "pad": 0.5})
