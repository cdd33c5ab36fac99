"""The figure of a profile: a panel a track on one axis along the genome, and genes below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from varscore.errors import OptionError
from varscore.models.notice import notice
from varscore.pictures.genes import GeneShape, draw_genes, place_genes
from varscore.pictures.style import (
    ALTERNATE,
    BLACK,
    FAINT,
    GAIN,
    GREY,
    LABEL,
    LOSS,
    REFERENCE,
    SMALL,
    TITLE,
    ImageFormat,
    base_formatter,
    render,
    shortened,
    styled,
)
from varscore.results.profile import Profile

MOST_PANELS = 12
"""With more, a figure would be taller than what one can look at."""

# Inches.
_WIDTH, _LEFT, _INSIDE = 7.2, 0.8, 6.2
_HEAD, _NAME, _COVERAGE, _GAP, _CHANGE, _BETWEEN = 0.68, 0.2, 0.62, 0.14, 0.46, 0.12
_GENE_ROW, _AXIS, _LINE = 0.26, 0.45, 0.14


@dataclass(frozen=True)
class _Panel:
    """What of one track is drawn, on the bins that hold a base of the contig."""

    name: str
    edges: NDArray[np.int64]
    reference: NDArray[np.float32]
    alternate: NDArray[np.float32]


def profile_picture(
    profile: Profile, form: ImageFormat, *, genes: Sequence[GeneShape] = ()
) -> bytes:
    """Return the figure of a profile as a file's content.

    Parameters
    ----------
    profile : Profile
        Of at most `MOST_PANELS` tracks; its bins are all that is drawn.
    form : {"png", "svg", "pdf"}
    genes : sequence of GeneShape
        In any order; those that lie elsewhere are passed over.

    Raises
    ------
    OptionError
        If there are more tracks.
    """
    with styled():
        return render(draw_profile(profile, genes=genes), form)


def draw_profile(profile: Profile, *, genes: Sequence[GeneShape] = ()) -> Figure:
    """Draw a profile; see `profile_picture`, which also sets the style."""
    check_panels(len(profile.tracks))
    start, end = int(profile.starts[0]), int(profile.ends[-1])
    placed, left_out = place_genes(genes, start, end, _INSIDE)
    rows = 1 + max((one.row for one in placed), default=-1)
    notes = _notes(profile, left_out)
    panels = [_panel(profile, track) for track in range(len(profile.tracks))]
    each = _NAME + _COVERAGE + _GAP + _CHANGE + _BETWEEN
    height = _HEAD + each * len(panels) + _GENE_ROW * rows + _AXIS + _LINE * len(notes)
    figure = Figure(figsize=(_WIDTH, height))

    def axes_at(top: float, tall: float) -> Axes:
        place = (_LEFT / _WIDTH, 1 - (top + tall) / height, _INSIDE / _WIDTH, tall / height)
        axes = figure.add_axes(place)
        axes.set_xlim(start, end)
        return axes

    top, all_axes = _HEAD, []
    for panel in panels:
        top += _NAME
        coverage, change = axes_at(top, _COVERAGE), axes_at(top + _COVERAGE + _GAP, _CHANGE)
        _draw_coverage(coverage, panel)
        _draw_change(change, panel)
        all_axes += [coverage, change]
        top += each - _NAME
    if rows:
        all_axes.append(axes_at(top, _GENE_ROW * rows))
        draw_genes(all_axes[-1], placed, rows)
    for axes in all_axes:
        _mark(axes, profile)
        axes.tick_params(labelbottom=axes is all_axes[-1])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(base_formatter())
    all_axes[-1].set_xlabel(shortened(f"position on {profile.contig} (bp)", SMALL, _INSIDE))
    _write_head(figure, profile)
    for number, line in enumerate(reversed(notes)):
        y = (0.04 + _LINE * number) / height
        figure.text(_LEFT / _WIDTH, y, line, fontsize=SMALL, va="bottom")
    return figure


def check_panels(tracks: int) -> None:
    """Refuse more tracks than a figure has room for.

    Raises
    ------
    OptionError
    """
    if tracks > MOST_PANELS:
        raise OptionError(
            f"tracks: {tracks:,} are chosen, and a figure has room for {MOST_PANELS}; choose "
            "fewer with --tracks, or none to be drawn with --format none"
        )


def _panel(profile: Profile, track: int) -> _Panel:
    there = profile.on_contig
    identifier, description = (
        names[track]
        for names in (profile.track_table.identifiers, profile.track_table.descriptions)
    )
    name = identifier if identifier == description else f"{identifier}   {description}"
    return _Panel(
        name,
        np.append(profile.starts[there], profile.ends[there][-1:]),
        profile.reference[there, track],
        profile.alternate[there, track],
    )


def _draw_coverage(axes: Axes, panel: _Panel) -> None:
    axes.stairs(panel.reference, panel.edges, fill=True, color=REFERENCE, linewidth=0)
    axes.stairs(panel.alternate, panel.edges, color=ALTERNATE, linewidth=0.8, baseline=None)
    top = _limit(panel.reference, panel.alternate)
    axes.set_ylim(0, top)
    axes.set_yticks([0, _round_down(top)])
    axes.yaxis.set_major_formatter(_number)
    _name_values(axes, "coverage")
    axes.set_title(shortened(panel.name, LABEL, _INSIDE), fontsize=LABEL, loc="left", pad=3)


def _draw_change(axes: Axes, panel: _Panel) -> None:
    change = panel.alternate - panel.reference
    for part, colour in ((np.maximum(change, 0), GAIN), (np.minimum(change, 0), LOSS)):
        axes.stairs(part, panel.edges, fill=True, color=colour, linewidth=0)
    axes.axhline(0, color=BLACK, linewidth=0.4)
    top = _limit(change)
    axes.set_ylim(-top, top)
    axes.set_yticks([-_round_down(top), _round_down(top)])
    axes.yaxis.set_major_formatter(_number)
    _name_values(axes, "change")


def _name_values(axes: Axes, name: str) -> None:
    axes.set_ylabel(name)
    axes.yaxis.set_label_coords(-0.6 / _INSIDE, 0.5)  # below each other, whatever the numbers


def _mark(axes: Axes, profile: Profile) -> None:
    """Mark the variant, and shade what lies beyond the contig."""
    low, high = axes.get_xlim()
    axes.axvspan(profile.start, profile.end, color=BLACK, alpha=0.15, linewidth=0)
    middle = (profile.start + profile.end) / 2
    axes.axvline(middle, color=BLACK, linewidth=0.7, linestyle=(0, (3, 2)), gid="variant")
    for start, end in ((low, 0), (profile.contig_length, high)):
        if start < end:
            axes.axvspan(start, end, facecolor=FAINT, edgecolor=GREY, hatch="///", linewidth=0)


def _write_head(figure: Figure, profile: Profile) -> None:
    """Write what the variant is, what is drawn, and in which colours."""
    width, height = figure.get_size_inches()
    place = f"{profile.contig}:{profile.pos:,}"
    alleles = f"{_allele(profile.ref)} → {_allele(profile.alt)}"
    name = "" if profile.id == "." else f"   {profile.id}"
    title = shortened(f"{place}  {alleles}{name}", TITLE, _INSIDE)
    left = _LEFT / width
    figure.text(left, 1 - 0.08 / height, title, fontsize=TITLE, va="top", weight="bold")
    bin_width = int(profile.ends[0] - profile.starts[0])
    model = profile.made.get("model", {}).get("name", "")
    said = f"predicted coverage per bin of {bin_width} bp" + (model and f", model {model}")
    said = shortened(said, SMALL, _INSIDE)
    figure.text(left, 1 - 0.28 / height, said, fontsize=SMALL, va="top")
    handles: list[Artist] = [
        Patch(color=REFERENCE, label="reference"),
        Line2D([], [], color=ALTERNATE, label="alternate"),
        Patch(color=GAIN, label="gain"),
        Patch(color=LOSS, label="loss"),
        Line2D([], [], color=BLACK, linestyle=(0, (3, 2)), label="variant"),
    ]
    if profile.starts[0] < 0 or profile.ends[-1] > profile.contig_length:
        shade = {"facecolor": FAINT, "edgecolor": GREY, "hatch": "///"}
        handles.append(Patch(**shade, label="beyond the contig"))  # type: ignore[arg-type]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left, 1 - 0.44 / height),
        borderaxespad=0,
        borderpad=0,
        ncols=len(handles),
        columnspacing=1.2,
        handlelength=1.4,
    )


def _notes(profile: Profile, left_out: int) -> list[str]:
    notes = []
    if left_out:
        notes.append(f"{left_out} more genes are not drawn, for want of room")
    metadata = profile.made.get("model")
    if metadata and (warning := notice(metadata)):
        notes += wrap(warning, 110)
    return notes


def _allele(bases: str, most: int = 12) -> str:
    return bases if len(bases) <= most else f"{bases[:most]}… ({len(bases):,} bp)"


def _limit(*values: NDArray[np.float32]) -> float:
    """Return the end of an axis for some values; 1 where all are 0."""
    largest = max((float(np.abs(some).max(initial=0)) for some in values), default=0.0)
    return 1.08 * largest or 1.0


def _round_down(value: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is no larger."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value)


def _number(value: float, _: Any) -> str:
    return f"{value:.3g}".replace("-", "−")
