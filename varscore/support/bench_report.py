"""What `bench` measured, and what follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

# Rates differ by a tenth from moment to moment: less is not worth a word.
_FASTER = 1.15


@dataclass(frozen=True)
class Timing:
    """One engine on some variants.

    Attributes
    ----------
    engine : str
    variants : int
    seconds : float
    gflop : float
        Floating-point operations of all matrix products and convolutions, in 10^9; a
        multiplication and an addition count as two. Two passes' are torch's count of one
        window, the incremental engine counts its own as they run.
    """

    engine: str
    variants: int
    seconds: float
    gflop: float

    @property
    def per_second(self) -> float:
        """Variants a second."""
        return self.variants / self.seconds


@dataclass(frozen=True)
class Agreement:
    """Scores of one way to compute them, held against two passes in float64.

    Attributes
    ----------
    engine : str
    variants : int
    median, worst : float
        Relative differences over all variants, statistics and tracks.
    least_pearson : float
        Correlation over tracks, of the variant with the lowest; nan with fewer than 3 tracks.
    """

    engine: str
    variants: int
    median: float
    worst: float
    least_pearson: float


@dataclass(frozen=True)
class BenchReport:
    """What `bench` measured; all of it is of one run on one machine.

    Attributes
    ----------
    machine, model, options : dict
        What was measured.
    product_gflops : dict of str to float
        GFLOP/s of float32 matrix products by the kernel's name, and of ``bfloat16``; the best
        of three moments.
    kernel : str
        The float32 kernel that scores are computed with.
    bfloat16_in_hardware : bool
        Whether ``mixed`` takes products of differences in bfloat16 here.
    timings : tuple of Timing
        Of two passes, and of the incremental engine.
    plain_seconds : float
        What the two passes' windows take as calls of the network, ready-made.
    agreement : tuple of Agreement
    peak_memory_gib : float
        After the incremental engine, before the two passes.
    """

    machine: dict[str, Any]
    model: dict[str, Any]
    options: dict[str, Any]
    product_gflops: dict[str, float]
    kernel: str
    bfloat16_in_hardware: bool
    timings: tuple[Timing, ...]
    plain_seconds: float
    agreement: tuple[Agreement, ...]
    peak_memory_gib: float

    @property
    def speedup(self) -> float:
        """How many times as fast as two passes the incremental engine is."""
        two_pass, incremental = self.timings
        return incremental.per_second / two_pass.per_second

    @property
    def faster_kernel(self) -> str | None:
        """Another kernel that would be faster here than the one that is taken, if any."""
        rates = {k: rate for k, rate in self.product_gflops.items() if k != "bfloat16"}
        fastest = max(rates, key=lambda name: rates[name])
        return fastest if rates[fastest] > _FASTER * rates[self.kernel] else None

    def rate_share(self, timing: Timing) -> float:
        """Return a run's rate as a share of the machine's best float32 matrix product."""
        best = max(rate for name, rate in self.product_gflops.items() if name != "bfloat16")
        return timing.gflop / timing.seconds / best

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        report = asdict(self)
        for row, timing in zip(report["timings"], self.timings, strict=True):
            row["rate_share"] = self.rate_share(timing)
        return {
            **report,
            "speedup": self.speedup,
            "faster_kernel": self.faster_kernel,
        }
