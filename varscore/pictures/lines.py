"""Where the panels of a saturation lie, and how a long interval is cut into lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MOST_PANELS = 12
"""Panels that one figure shows; of an interval in several lines, each counts as often."""

_LETTERED, _BARE = 200, 1000  # most bases of a line with letters, and of one without

# All in inches. Letters of a base can just be read at 0.055.
_WIDTH, _LEAST_WIDTH, _WIDEST_BASE = 11.0, 5.0, 0.25
_LEFT, _RIGHT, _TOP, _BOTTOM, _NOTE = 0.75, 0.9, 0.52, 0.02, 0.25
_HEAD, _STRIP, _GAP, _ROW, _AXIS = 0.22, 0.55, 0.03, 0.13, 0.48
_LETTERS, _NO_LETTERS = 0.15, 0.04
_BAR_GAP, _BAR = 0.12, 0.1


@dataclass(frozen=True)
class Lines:
    """How an interval is cut into lines, which are drawn one below the other.

    Attributes
    ----------
    ends : tuple of (int, int)
        0-based places of each line's first base, and of the one behind its last.
    lettered : bool
        Whether bases are wide enough for letters.
    """

    ends: tuple[tuple[int, int], ...]
    lettered: bool

    @classmethod
    def of(cls, bases: int, panels: int) -> Self:
        """Cut an interval of so many bases, of which so many panels are drawn."""
        lettered = panels * _lines(bases, _LETTERED) <= MOST_PANELS
        length = -(-bases // _lines(bases, _LETTERED if lettered else _BARE))
        starts = range(0, bases, length)
        return cls(tuple((start, min(start + length, bases)) for start in starts), lettered)

    @property
    def length(self) -> int:
        """Bases of the longest line."""
        return self.ends[0][1]

    @property
    def width(self) -> float:
        """Inches that the longest line is wide."""
        if self.lettered:
            wide = min(_LEAST_WIDTH / self.length, _WIDEST_BASE)
            return self.length * max(wide, _WIDTH / _LETTERED)
        return _WIDTH


def panels_of(bases: int, wanted: int) -> int:
    """Return how many panels a figure shows of an interval.

    Parameters
    ----------
    bases : int
        Of the interval.
    wanted : int
        Panels at most.
    """
    return max(1, min(wanted, MOST_PANELS // _lines(bases, _BARE)))


def _lines(bases: int, longest: int) -> int:
    return -(-bases // longest)


class Places:
    """Where the axes of a figure lie.

    Parameters
    ----------
    lines : Lines
    panels, changes : int
        How many panels there are, and rows of each heatmap.
    note : bool
        Whether there is a line of text below them.

    Attributes
    ----------
    width, height : float
        Of the figure, in inches.
    left : float
        Where panels begin, in inches.
    panel_width : float
        What there is for a panel's head, in inches.
    """

    left = _LEFT

    def __init__(self, lines: Lines, panels: int, changes: int, *, note: bool) -> None:
        self._data, self._heat = lines.width, _ROW * changes
        self._letters = _LETTERS if lines.lettered else _NO_LETTERS
        self._panel = _HEAD + _STRIP + _GAP + self._heat + self._letters + 2 * _GAP
        self._line = panels * self._panel + _AXIS
        self.panel_width = max(self._data, _LEAST_WIDTH)
        self.width = _LEFT + self.panel_width + _RIGHT
        self.height = _TOP + len(lines.ends) * self._line + (_NOTE if note else _BOTTOM)

    def axes(self, figure: Figure, line: int, panel: int) -> tuple[Axes, Axes, Axes, Axes]:
        """Make the axes of a panel: strip, heatmap, the genome's bases, and colour bar."""
        top = _TOP + line * self._line + panel * self._panel + _HEAD
        below = top + _STRIP + _GAP
        under = below + self._heat
        return (
            self._add(figure, _LEFT, top, self._data, _STRIP),
            self._add(figure, _LEFT, below, self._data, self._heat),
            self._add(figure, _LEFT, under, self._data, self._letters),
            self._add(figure, _LEFT + self._data + _BAR_GAP, below, _BAR, self._heat),
        )

    def _add(
        self, figure: Figure, left: float, top: float, width: float, height: float
    ) -> Axes:
        across, up = self.width, self.height
        bottom = up - top - height
        return figure.add_axes((left / across, bottom / up, width / across, height / up))
