"""Engines: from variants to scores. `two_pass` is the definition of every score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from varscore.options import RunOptions
from varscore.variant import Variant
from varscore.windows import Bins

OnScored = Callable[[int], object]

DEFAULT_MEMORY = RunOptions().memory_bytes
"""Bytes for tensors; the weights and the interpreter take some 0.7 GiB beside them."""


class Engine(Protocol):
    """What turns variants into scores.

    An engine is bound to a model, a genome, a windowing, statistics and tracks when it is
    made. It does not remember variants: their scores depend on nothing but themselves.
    """

    def describe(self) -> dict[str, Any]:
        """Return the arithmetic of scores, JSON-ready, for the output's metadata.

        Returns
        -------
        dict
            ``engine``: "auto", "incremental" or "two-pass". ``kernel``: by what name torch is
            asked for float32 products. ``differences``: "float32", "bfloat16" or "float64",
            in which products of the difference between the alleles are taken, and
            ``reference_projection``, in which the reference is projected to tracks.
            ``filtered_trunk``: whether the trunk takes minimal filtering. ``device``: "cpu" or
            "cuda". ``processor``: its model's name. But for the latter, equal records give
            scores that are as precise as each other.
        """
        ...

    def score(
        self,
        variants: Sequence[Variant],
        on_scored: OnScored | None = None,
        bins: Sequence[Bins] | None = None,
    ) -> NDArray[np.float32]:
        """Score some variants, in any order; sorted neighbours may share work.

        Parameters
        ----------
        variants : sequence of Variant
            Distinct, and in normal form on the engine's genome.
        on_scored : callable, optional
            Called with the number of variants finished since the last call.
        bins : sequence of Bins, optional
            Of each variant, the predicted bins of its window in which statistics look, at
            least one, in place of what the windowing chooses. Variants may then be equal.

        Returns
        -------
        ndarray, shape (B, S, T), float32
            In the order of `variants`: B variants, S measures (each statistic over every
            width of the windowing; with `bins`, each statistic), T chosen tracks.
        """
        ...
