"""Engines: from variants to scores. `two_pass` is the definition of every score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from varscore.variant import Variant

OnScored = Callable[[int], object]


class Engine(Protocol):
    """What turns variants into scores.

    An engine is bound to a model, a genome, a window plan, statistics and tracks when it is
    made. It does not remember variants: their scores depend on nothing but themselves.
    """

    def describe(self) -> dict[str, Any]:
        """Return how scores are computed, JSON-ready, for the output's metadata."""
        ...

    def score(
        self, variants: Sequence[Variant], on_scored: OnScored | None = None
    ) -> NDArray[np.float32]:
        """Score some variants, in any order; sorted neighbours may share work.

        Parameters
        ----------
        variants : sequence of Variant
            Distinct, and in normal form on the engine's genome.
        on_scored : callable, optional
            Called with the number of variants finished since the last call.

        Returns
        -------
        ndarray, shape (B, S, T), float32
            In the order of `variants`: B variants, S statistics, T chosen tracks.
        """
        ...
