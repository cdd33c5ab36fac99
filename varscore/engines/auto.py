"""Choosing an engine: the incremental one wherever its arithmetic serves, else two passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY, Engine, OnScored
from varscore.engines.incremental.engine import (
    IncrementalEngine,
    refuse_unsupported,
)
from varscore.engines.processor import Processor
from varscore.engines.two_pass import TwoPassEngine, windows_within
from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.statistics import Statistic, get_statistics
from varscore.variant import Variant
from varscore.windows import Bins, Windowing, windowing_for


def make_engine(
    options: ScoreOptions,
    network: Basenji2,
    genome: ReferenceGenome,
    track_indices: Sequence[int],
    *,
    memory: int = DEFAULT_MEMORY,
) -> Engine:
    """Make the engine that options ask for.

    "auto" scores a variant incrementally where that is exact, and in two passes, in the
    network's own precision, where it is not; "incremental" refuses such a variant when it is
    met.

    Parameters
    ----------
    options : ScoreOptions
    network, genome, track_indices, memory
        As in `IncrementalEngine`.

    Raises
    ------
    OptionError
        If options do not fit the model's window, or the memory does not suffice.
    """
    parts = (options, network, genome, track_indices, memory)
    if options.engine == "two-pass":
        return two_pass_engine(*parts)
    incremental = incremental_engine(*parts)
    if options.engine == "incremental":
        return incremental
    return _Auto(incremental, two_pass_engine(*parts))


def two_pass_engine(
    options: ScoreOptions,
    network: Basenji2,
    genome: ReferenceGenome,
    track_indices: Sequence[int],
    memory: int = DEFAULT_MEMORY,
) -> TwoPassEngine:
    """Make the two-pass engine, whichever options ask for.

    Parameters
    ----------
    options, network, genome, track_indices, memory
        As for `make_engine`.
    """
    windowing, statistics = _settings(options, network.config)
    return TwoPassEngine(network, genome, windowing, statistics, track_indices, memory=memory)


def incremental_engine(
    options: ScoreOptions,
    network: Basenji2,
    genome: ReferenceGenome,
    track_indices: Sequence[int],
    memory: int = DEFAULT_MEMORY,
    processor: Processor | None = None,
) -> IncrementalEngine:
    """Make the incremental engine, whichever options ask for.

    Parameters
    ----------
    options, network, genome, track_indices, memory
        As for `make_engine`.
    processor : Processor, optional
        As in `IncrementalEngine`.
    """
    windowing, statistics = _settings(options, network.config)
    return IncrementalEngine(
        network,
        genome,
        windowing,
        statistics,
        track_indices,
        precision=options.precision,
        memory=memory,
        processor=processor,
    )


def _settings(
    options: ScoreOptions, config: BasenjiConfig
) -> tuple[Windowing, tuple[Statistic, ...]]:
    return windowing_for(options, config), get_statistics(options.statistics)


def engine_limits(
    options: ScoreOptions, model: Model, memory: int = DEFAULT_MEMORY
) -> Callable[[Variant], None]:
    """Refuse what the engine that options ask for would refuse, before it scores.

    Parameters
    ----------
    options : ScoreOptions
    model : Model
    memory : int
        Bytes that the engine's tensors may take, beside the weights.

    Returns
    -------
    callable
        What raises an `OptionError` for a variant that the engine does not score.

    Raises
    ------
    OptionError
        If options do not fit the model's window or tracks, or the memory does not suffice.
    """
    tracks = model.tracks.select(options.tracks)
    config = replace(model.config, n_tracks=len(tracks))
    windowing = windowing_for(options, config)
    if options.engine != "incremental":
        windows_within(config, memory)
        return _refuse_nothing
    return partial(refuse_unsupported, config, windowing)


def _refuse_nothing(variant: Variant) -> None:
    """Two passes score every variant."""


class _Auto:
    """Both engines, each for the variants that it is right for."""

    def __init__(self, incremental: IncrementalEngine, two_pass: TwoPassEngine) -> None:
        self._incremental, self._two_pass = incremental, two_pass

    def describe(self) -> dict[str, Any]:
        """Return how scores are computed here, JSON-ready.

        That is how nearly all are; those of two passes are in the network's own precision.
        """
        return {**self._incremental.describe(), "engine": "auto"}

    def score(
        self,
        variants: Sequence[Variant],
        on_scored: OnScored | None = None,
        bins: Sequence[Bins] | None = None,
    ) -> NDArray[np.float32]:
        """Score some variants; see `varscore.engines.Engine.score`."""
        refused = np.array(
            [not self._incremental.serves(variant) for variant in variants], bool
        )
        scores: NDArray[np.float32] | None = None
        for engine, chosen in ((self._incremental, ~refused), (self._two_pass, refused)):
            of_chosen = None if bins is None else list(compress(bins, chosen))
            part = engine.score(list(compress(variants, chosen)), on_scored, of_chosen)
            if scores is None:
                scores = np.empty((len(variants), *part.shape[1:]), part.dtype)
            scores[chosen] = part
        assert scores is not None
        return scores
