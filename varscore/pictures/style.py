"""What all figures have in common: colours, sizes of letters, and the bytes of their files.

Figures are made with matplotlib's objects (`Figure`, not pyplot), so that nothing is left open
and no window is asked for. Colours are those of Okabe and Ito, which people with any of the
usual forms of colour blindness tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter

ImageFormat = Literal["png", "svg", "pdf"]

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, YELLOW, BLACK)
"""To take colours of, in this order."""

GREY, FAINT = "#999999", "#E6E6E6"
REFERENCE, ALTERNATE, GAIN, LOSS = GREY, BLUE, GREEN, VERMILION
"""What an allele, and a change upwards or downwards, is drawn in, in every figure."""

TITLE, LABEL, SMALL = 9.0, 8.0, 7.0
"""Sizes of letters, in points."""

DPI = 150
_FONT = "DejaVu Sans"  # matplotlib brings it along: the same on every machine
_SETTINGS: dict[Any, Any] = {
    "font.family": _FONT,
    "font.size": LABEL,
    "axes.titlesize": TITLE,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,  # letters stay letters for who edits the figure
    "text.parse_math": False,  # a dollar sign in a name is one
    "svg.hashsalt": "varscore",  # else names within the file are random
}
_METADATA: dict[ImageFormat, dict[str, None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in varscore's style, whatever the user's own settings of matplotlib are.

    All of a figure is made within, `render` included; afterwards settings are what they were.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def render(figure: Figure, form: ImageFormat) -> bytes:
    """Return a figure as a file's content: the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    form : {"png", "svg", "pdf"}
    """
    content = io.BytesIO()
    figure.savefig(content, format=form, metadata=_METADATA[form])
    return content.getvalue()


def base_formatter() -> FuncFormatter:
    """Return what writes positions on an axis: whole bases, with commas between thousands."""
    return FuncFormatter(lambda position, _: f"{position:,.0f}")


def drawable(text: str) -> str:
    """Return a text with a question mark for each character that the font cannot draw.

    Parameters
    ----------
    text : str
        Of any origin: names of a VCF or a GTF may have line breaks, or emoji, in them.
    """
    known = _characters()
    return "".join(letter if ord(letter) in known else "?" for letter in text)


@cache
def _characters() -> frozenset[int]:
    charmap = get_font(findfont(FontProperties(family=_FONT))).get_charmap()
    return frozenset(code for code in charmap if chr(code).isprintable())


def text_width(text: str, size: float) -> float:
    """Return how wide a line of text is, in inches.

    Parameters
    ----------
    text : str
    size : float
        Of its letters, in points.
    """
    font = FontProperties(family=_FONT, size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def shortened(text: str, size: float, inches: float) -> str:
    """Return a text, or so much of its beginning as a line has room for.

    Parameters
    ----------
    text : str
        Made `drawable`.
    size : float
        Of its letters, in points.
    inches : float
        Room for it.
    """
    text = drawable(text)
    if text_width(text, size) <= inches:
        return text
    fits = bisect_right(
        range(len(text)), inches, key=lambda n: text_width(text[:n] + "…", size)
    )
    return f"{text[: fits - 1].rstrip()}…"
