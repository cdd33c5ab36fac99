"""Progress on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 30.0
# The first alleles of a piece wait for the reference of all of it, so that the rate of the
# beginning is too low to tell the time left from.
_LEAST_SHARE = 0.1
_BAR_WITHOUT_TIME_LEFT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}]"

logger = logging.getLogger(__name__)


class VariantProgress:
    """Show how many of a known number of variants are done, how fast, and the time left.

    Or of other things that are done one after the other.

    Parameters
    ----------
    name : str
        Of what is made; several runs may share a terminal.
    total : int
        Variants in all.
    clock : callable
        Gives the seconds since some moment.
    unit : str
        What is counted, where it is not variants.
    """

    def __init__(
        self,
        name: str,
        total: int,
        clock: Callable[[], float] = time.monotonic,
        unit: str = "variants",
    ) -> None:
        self.unit = unit
        self.name, self.total, self.done, self._found = name, total, 0, 0
        self._clock = clock
        self.started = self._last_line = clock()
        self._bar = (
            tqdm(
                desc=name,
                total=total,
                unit=f" {unit}",
                dynamic_ncols=True,
                smoothing=0.05,
                bar_format=_BAR_WITHOUT_TIME_LEFT,
            )
            if sys.stderr.isatty()
            else None
        )

    def __call__(self, n: int) -> None:
        """Count `n` more variants as done."""
        self.done += n
        if self._bar is not None:
            if self._is_rate_known():
                self._bar.bar_format = None
            self._bar.update(n)
        elif self._clock() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = self._clock()
            self._write_line()

    def found(self, n: int) -> None:
        """Count `n` variants that were done before, and took no time."""
        self.done += n
        self._found += n
        if self._bar is not None:
            self._bar.initial += n
            self._bar.update(n)

    def _is_rate_known(self) -> bool:
        return self.done - self._found >= _LEAST_SHARE * (self.total - self._found)

    def _write_line(self) -> None:
        seconds = self._clock() - self.started
        rate = (self.done - self._found) / seconds
        left = "the time left is not known yet"
        if rate and self._is_rate_known():
            left = f"{tqdm.format_interval((self.total - self.done) / rate)} left"
        counts = f"{self.done:,} of {self.total:,}"
        logger.info("%s: %s done, %.3g %s/s, %s", self.name, counts, rate, self.unit, left)

    def __enter__(self) -> VariantProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
