"""Letters of bases as shapes that fill a rectangle, as logos have them."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike

from varscore.pictures.style import BLUE, GREEN, GREY, ORANGE, VERMILION

BASE_COLOURS = {"A": GREEN, "C": BLUE, "G": ORANGE, "T": VERMILION}


@cache
def _letter(letter: str) -> Path:
    """Return the outline of a letter in the unit square."""
    font = FontProperties(family="DejaVu Sans", weight="bold")  # matplotlib brings it along
    shape = TextPath((0, 0), letter, size=1, prop=font)
    corners = shape.get_extents()
    vertices = np.subtract(shape.vertices, corners.min) / [corners.width, corners.height]
    return Path(vertices, shape.codes)


def letters(
    bases: str, centres: ArrayLike, bottoms: ArrayLike, heights: ArrayLike, width: float
) -> list[PathCollection]:
    """Return letters as coloured shapes, those of one colour together.

    Parameters
    ----------
    bases : str
        P letters; those that are no base are grey.
    centres, bottoms, heights : array_like, shape (P,)
        In data coordinates. A letter of no height, or of one that is not finite, is left out.
    width : float
        Of each letter, in data coordinates.
    """
    boxes = np.column_stack(np.broadcast_arrays(centres, bottoms, heights)).tolist()
    found = []
    for letter in dict.fromkeys(bases):
        shapes = [
            _placed(letter, centre, bottom, height, width)
            for base, (centre, bottom, height) in zip(bases, boxes, strict=True)
            if base == letter and height > 0 and np.isfinite(bottom)
        ]
        if shapes:
            colour = BASE_COLOURS.get(letter, GREY)
            found.append(PathCollection(shapes, facecolors=colour, linewidths=0))
    return found


def _placed(letter: str, centre: float, bottom: float, height: float, width: float) -> Path:
    shape = _letter(letter)
    vertices = np.multiply(shape.vertices, [width, height])
    return Path(np.add(vertices, [centre - width / 2, bottom]), shape.codes)
