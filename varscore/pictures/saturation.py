"""The figure of a saturation: what every change of an interval's bases does, a panel a track.

A panel has the mean effect of each base's substitutions as the height of its letter, and below
a heatmap of all changes. Long intervals go on in a further line; where letters could not be
read, there are bars in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from varscore.files.atomic import write_bytes
from varscore.pictures.letters import letters
from varscore.pictures.lines import Lines, Places
from varscore.pictures.style import (
    BLACK,
    FAINT,
    LABEL,
    SMALL,
    TITLE,
    ImageFormat,
    base_formatter,
    render,
    shortened,
    styled,
)
from varscore.results.terms import term_of

# Red and blue are told apart with any of the usual forms of colour blindness. A loss is on the
# red side, as it is in other figures; no score, grey, is no colour of the scale.
DIVERGING, _NO_SCORE = colormaps["RdBu"], "#D0D0D0"
_TINY = 6.0  # points


@dataclass(frozen=True)
class Panel:
    """What is drawn of a track, or of a group of tracks.

    Attributes
    ----------
    name, description : str
    effects : ndarray, shape (P, L)
        Scores of the L changes of P bases, NaN where there is none.
    means : ndarray, shape (P,)
        Of each base's substitutions, NaN where it has none.
    """

    name: str
    description: str
    effects: NDArray[np.float32]
    means: NDArray[np.float32]


def draw_saturation(
    path: str | Path, panels: Sequence[Panel], *, form: ImageFormat, **about: Any
) -> None:
    """Draw a saturation.

    Parameters
    ----------
    path : str or Path
        File to write.
    panels : sequence of Panel
        At most as many as `varscore.pictures.lines.panels_of` says.
    form : {"png", "svg", "pdf"}
    **about
        As for `saturation_figure`.
    """
    with styled():
        content = render(saturation_figure(panels, **about), form)
    write_bytes(path, content)


def saturation_figure(
    panels: Sequence[Panel],
    *,
    contig: str,
    first: int,
    bases: str,
    changes: Sequence[str],
    statistic: str,
    model: str,
    note: str | None = None,
) -> Figure:
    """Return the figure of a saturation; it is made, and rendered, within `styled`.

    Parameters
    ----------
    panels : sequence of Panel
    contig : str
    first : int
        1-based position of the interval's first base.
    bases : str
        Those of the genome: P.
    changes : sequence of str
        L of them: rows of a heatmap.
    statistic : str
        What the numbers are.
    model : str
        Its name.
    note : str, optional
        What has to be said of the model, below all.
    """
    lines = Lines.of(len(bases), len(panels))
    places = Places(lines, len(panels), len(changes), note=note is not None)
    figure = Figure(figsize=(places.width, places.height))
    what = f"{statistic} ({term_of(statistic).unit})"
    _write(
        figure, places, 0.14, f"{contig}:{first:,}-{first + len(bases) - 1:,}", TITLE, "bold"
    )
    _write(figure, places, 0.34, f"{what} of every change of a base, model {model}", SMALL)
    if note is not None:
        _write(figure, places, places.height - 0.24, note, SMALL)
    for line, (start, end) in enumerate(lines.ends):
        for number, panel in enumerate(panels):
            strip, heatmap, reference, bar = places.axes(figure, line, number)
            part = slice(start, end)
            positions = np.arange(first + start, first + end)
            _draw_strip(strip, panel, part, positions, bases[part], lettered=lines.lettered)
            _draw_heatmap(heatmap, panel, part, positions, changes, lettered=lines.lettered)
            _draw_reference(reference, positions, bases[part], lettered=lines.lettered)
            _draw_bar(figure, bar, panel, statistic)
            heads = dict.fromkeys((panel.name, panel.description))  # which may be the same
            strip.set_title(
                shortened("  ".join(filter(None, heads)), LABEL, places.panel_width),
                loc="left",
                size=LABEL,
                pad=3,
                parse_math=False,
            )
            for axes in (strip, heatmap, reference):
                edge = first + start - 0.5
                axes.set_xlim(edge, edge + lines.length)
            if number == len(panels) - 1:
                _label_positions(reference, contig, lines.width)
            else:
                reference.tick_params(axis="x", bottom=False, labelbottom=False)
    return figure


def _write(
    figure: Figure, places: Places, top: float, text: str, size: float, weight: str = "normal"
) -> None:
    """Write a line above or below the panels, so many inches from the figure's top."""
    room = 0.94 * (places.width - places.left)  # drawn in pixels, letters are a bit wider
    figure.text(
        places.left / places.width,
        1 - top / places.height,
        shortened(text, size, room),
        size=size,
        weight=weight,
        va="top",
        parse_math=False,
    )


def _draw_strip(
    axes: Axes,
    panel: Panel,
    part: slice,
    positions: NDArray[np.int64],
    bases: str,
    *,
    lettered: bool,
) -> None:
    """Draw mean effects as letters, or bars, up from zero or down."""
    means = panel.means[part].astype(np.float64)
    if lettered:
        shapes = letters(bases, positions, np.minimum(means, 0), np.abs(means), 0.9)
        for shape in shapes:
            axes.add_collection(shape, autolim=False)
    else:
        axes.stairs(means, _edges(positions), baseline=0, fill=True, color=BLACK, linewidth=0)
    axes.axhline(0, color=BLACK, linewidth=0.5)
    lowest, highest = _range(panel.means)
    axes.set_ylim(lowest, highest)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.set_ylabel("mean", size=SMALL, labelpad=2)
    axes.tick_params(axis="y", labelsize=_TINY, length=2, pad=1)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines["bottom"].set_visible(False)


def _range(means: NDArray[np.float32]) -> tuple[float, float]:
    """Return the least and the most of an axis of means, zero included."""
    known = [0.0, *means[np.isfinite(means)].tolist()]
    lowest, highest = min(known), max(known)
    room = 0.06 * (highest - lowest) or 1.0
    return lowest - room, highest + room


def _draw_heatmap(
    axes: Axes,
    panel: Panel,
    part: slice,
    positions: NDArray[np.int64],
    changes: Sequence[str],
    *,
    lettered: bool,
) -> None:
    axes.set_facecolor(_NO_SCORE if lettered else FAINT)
    axes.pcolormesh(
        _edges(positions),
        np.arange(len(changes) + 1) - 0.5,
        np.ma.masked_invalid(panel.effects[part].T[::-1]),
        cmap=DIVERGING,
        norm=Normalize(-_largest(panel), _largest(panel)),
        rasterized=not lettered,  # thousands of cells that nobody edits
    )
    axes.set_ylim(-0.5, len(changes) - 0.5)
    names = ["del" if name == "deletion" else name for name in reversed(changes)]
    axes.set_yticks(range(len(changes)), names, size=_TINY)
    axes.tick_params(axis="y", length=0, pad=2)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines[:].set_visible(True)


def _edges(positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where bases begin and end on an axis: each has its position in its middle."""
    return np.append(positions - 0.5, positions[-1] + 0.5)


def _largest(panel: Panel) -> float:
    """Return the end of the scale of a panel's colours, in whose middle zero is."""
    return float(np.nanmax(np.abs(panel.effects), initial=0)) or 1.0


def _draw_reference(
    axes: Axes, positions: NDArray[np.int64], bases: str, *, lettered: bool
) -> None:
    """Write the genome's bases below a heatmap, if there is room."""
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.patch.set_visible(False)  # else it would cover half of the line above
    if lettered:
        for shape in letters(bases, positions, 0.1, 0.75, 0.86):
            axes.add_collection(shape, autolim=False)


def _draw_bar(figure: Figure, axes: Axes, panel: Panel, statistic: str) -> None:
    largest = _largest(panel)
    scale = Normalize(-largest, largest)
    bar = figure.colorbar(ScalarMappable(scale, DIVERGING), cax=axes)
    ticks = [-largest, 0.0, largest]
    bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
    bar.ax.tick_params(labelsize=_TINY, length=2, pad=1)
    bar.set_label(statistic, size=SMALL, labelpad=1)


def _label_positions(axes: Axes, contig: str, inches: float) -> None:
    most = max(1, int(inches))  # a position of nine digits takes three quarters of an inch
    axes.xaxis.set_major_locator(
        MaxNLocator(min(most, 10), integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    axes.xaxis.set_major_formatter(base_formatter())
    axes.tick_params(axis="x", labelsize=SMALL, length=2, pad=1)
    label = shortened(f"position on {contig} (bp)", SMALL, inches + 1.3)  # it is in the middle
    axes.set_xlabel(label, size=SMALL, labelpad=2, parse_math=False)
