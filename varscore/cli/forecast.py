"""What `check` and `plan` say of a run before it begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from varscore.options import ModelOptions, RunOptions, ScoreOptions

if TYPE_CHECKING:
    from varscore.models.model import Model
    from varscore.support.forecast import Forecast
    from varscore.variant import Variant

OptionalModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Hold options against this model, too, and forecast its run.",
        show_default=False,
    ),
]
Wanted = Annotated[
    bool,
    typer.Option(
        "--forecast/--no-forecast",
        help="With --model: score some alleles, to tell time, memory and size of all.",
    ),
]


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to score here, and the seconds until it was."""

    model: Model
    seconds: float

    @classmethod
    def of(cls, which: ModelOptions, run: RunOptions) -> Self:
        """Load a model: whether there is the GPU asked for is left to who scores."""
        started = time.monotonic()
        from varscore.engines.runtime import tune_process
        from varscore.models.registry import load_chosen

        tune_process(run.threads)
        model = load_chosen(which, "cpu" if run.device == "cpu" else "auto")
        return cls(model, time.monotonic() - started)

    def limits(
        self, genome: Path, options: ScoreOptions, run: RunOptions
    ) -> Callable[[Variant], None]:
        """Refuse options that do not fit the model, before anything is scored with them.

        Returns
        -------
        callable
            What raises an `OptionError` for a variant that cannot be scored with them.
        """
        from varscore.inputs.genome import ReferenceGenome
        from varscore.scoring import Scorer

        with ReferenceGenome(genome) as reference:
            return Scorer(reference, self.model, options, run.memory_bytes).refuse

    def forecast(
        self, vcf: Sequence[str], genome: Path, options: ScoreOptions, run: RunOptions
    ) -> Forecast | None:
        """Tell what scoring takes; None of a stream, which is gone once it was read."""
        from varscore.inputs.streams import is_stream
        from varscore.support.forecast import forecast

        if any(is_stream(Path(word)) for word in vcf):
            return None
        return forecast(
            vcf, genome, self.model, options, memory=run.memory_bytes, startup=self.seconds
        )
