"""What all figures have in common: colours, sizes of letters, and the bytes of their files.

Figures are made with matplotlib's objects (`Figure`, not pyplot), so that nothing is left open
and no window is asked for. Colours are those of Okabe and Ito, which people with any of the
usual forms of colour blindness tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure
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
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along: the same on every machine
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
