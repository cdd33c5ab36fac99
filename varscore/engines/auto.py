"""Choosing an engine: the incremental one wherever its arithmetic serves, else two passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY, Engine, OnScored
from varscore.engines.incremental.engine import (
    IncrementalEngine,
    refuse_unsupported,
    unsupported,
)
from varscore.engines.two_pass import TwoPassEngine, windows_within
from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.options import EngineName, Precision, ScoreOptions
from varscore.statistics import Statistic
from varscore.variant import Variant
from varscore.windows import Windowing, windowing_for


def make_engine(
    name: EngineName,
    network: Basenji2,
    genome: ReferenceGenome,
    windowing: Windowing,
    statistics: Sequence[Statistic],
    track_indices: Sequence[int],
    *,
    precision: Precision = "float32",
    memory: int = DEFAULT_MEMORY,
) -> Engine:
    """Make an engine by name; the parameters are those of the engines.

    Parameters
    ----------
    name : {"auto", "incremental", "two-pass"}
        "auto" scores a variant incrementally where that is exact and in two passes where it
        is not; "incremental" refuses such a variant when it is met.
    network, genome, windowing, statistics, track_indices, precision, memory
        As in `IncrementalEngine`. What "auto" scores in two passes is in the network's own
        precision whatever `precision` says; "two-pass" refuses another.

    Raises
    ------
    OptionError
        If the engine cannot honour the precision, or the memory.
    """
    if name == "two-pass":
        if precision == "mixed":
            raise OptionError(
                "precision: 'mixed' is for the incremental engine; engine 'two-pass' computes "
                "in float32: leave one of them out"
            )
        return TwoPassEngine(
            network, genome, windowing, statistics, track_indices, memory=memory
        )
    incremental = IncrementalEngine(
        network,
        genome,
        windowing,
        statistics,
        track_indices,
        precision=precision,
        memory=memory,
    )
    if name == "incremental":
        return incremental
    two_pass = TwoPassEngine(
        network, genome, windowing, statistics, track_indices, memory=memory
    )
    return _Auto(incremental, two_pass)


def engine_limits(
    options: ScoreOptions, config: BasenjiConfig, memory: int = DEFAULT_MEMORY
) -> Callable[[Variant], None] | None:
    """Refuse what the engine that options ask for would refuse, without weights.

    Parameters
    ----------
    options : ScoreOptions
    config : BasenjiConfig
        With as many tracks as are scored.
    memory : int
        Bytes that the engine's tensors may take, beside the weights.

    Returns
    -------
    callable or None
        What raises an `OptionError` for a variant that the engine does not score; None where
        it scores every variant.

    Raises
    ------
    OptionError
        If the memory does not suffice.
    """
    if options.engine != "incremental":
        windows_within(config, memory)
        return None
    return partial(refuse_unsupported, config, windowing_for(options, config))


class _Auto:
    """Both engines, each for the variants that it is right for."""

    def __init__(self, incremental: IncrementalEngine, two_pass: TwoPassEngine) -> None:
        self._incremental, self._two_pass = incremental, two_pass
        self._config, self._windowing = two_pass.network.config, two_pass.windowing

    def describe(self) -> dict[str, Any]:
        """Return how scores are computed here, JSON-ready.

        That is how nearly all are; those of two passes are in the network's own precision.
        """
        return {**self._incremental.describe(), "engine": "auto"}

    def score(
        self, variants: Sequence[Variant], on_scored: OnScored | None = None
    ) -> NDArray[np.float32]:
        """Score some variants; see `varscore.engines.Engine.score`."""
        refused = np.array(
            [unsupported(self._config, self._windowing, v) is not None for v in variants], bool
        )
        scores: NDArray[np.float32] | None = None
        for engine, chosen in ((self._incremental, ~refused), (self._two_pass, refused)):
            part = engine.score(list(compress(variants, chosen)), on_scored)
            if scores is None:
                scores = np.empty((len(variants), *part.shape[1:]), part.dtype)
            scores[chosen] = part
        assert scores is not None
        return scores
