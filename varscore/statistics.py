"""The statistics: one number per variant and track from the reference and alternate coverage.

A formula is written on a `CoverageChange`, which holds the reference and the difference to
the alternate, and not the alternate itself: an engine that computes the difference to more
digits than a subtraction leaves keeps them. Sums run over bins: eight at a time in the
coverage's own precision, these sums in float64.

The names and formulas are those of Basenji's ``basenji_sad.py`` (Kelley et al.), except
that JS is, as there, not the Jensen-Shannon divergence but the mean of both
Kullback-Leibler divergences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from varscore.options import OPTIONS

# Bins that are added up in the coverage's own precision: float64 costs as much as all else.
_TOGETHER = 8
# Relative: changes that are equal lie up to 1e-5 apart in float32, and bins that lie further
# apart other programs tell apart in it. In the precision `mixed` they lie further apart, and
# either may be found the larger.
_ROUNDING = 2e-5


class CoverageChange:
    """Reference coverage of some variants, and what the alternate allele adds to it.

    Parameters
    ----------
    ref : Tensor, shape (B, N, T), or callable
        Reference coverage, after softplus; counts per bin. A function that returns it is
        called if a formula reads it.
    diff : Tensor, shape (B, N, T)
        Alternate minus reference. Bins that are left out count as bins without change.
    alt : Tensor or callable, optional
        Alternate coverage, as `ref`; if not given, it is their sum.
    """

    def __init__(
        self,
        ref: Tensor | Callable[[], Tensor],
        diff: Tensor,
        alt: Tensor | Callable[[], Tensor] | None = None,
    ) -> None:
        self._ref, self.diff, self._alt = ref, diff, alt

    @cached_property
    def ref(self) -> Tensor:
        """Reference coverage, shape (B, N, T)."""
        return self._ref if isinstance(self._ref, Tensor) else self._ref()

    @classmethod
    def between(cls, ref: Tensor, alt: Tensor) -> CoverageChange:
        """Return the change from one coverage to another, both of shape (B, N, T)."""
        return cls(ref, alt - ref)

    @property
    def alt(self) -> Tensor:
        """Alternate coverage, shape (B, N, T)."""
        if self._alt is None:
            return self.ref + self.diff
        return self._alt if isinstance(self._alt, Tensor) else self._alt()

    def within(self, pieces: Sequence[tuple[int, int]]) -> CoverageChange:
        """Return the same on some of the bins.

        Parameters
        ----------
        pieces : sequence of (int, int)
            First bin and the one behind the last of each; in order, and at least one.
        """
        if list(pieces) == [(0, self.diff.shape[1])]:
            return self

        def cut(x: Tensor) -> Tensor:
            parts = [x[:, start:end] for start, end in pieces]
            return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

        return CoverageChange(lambda: cut(self.ref), cut(self.diff), lambda: cut(self.alt))

    def of(self, variant: int) -> CoverageChange:
        """Return that of one of the variants."""
        rows = slice(variant, variant + 1)
        return CoverageChange(lambda: self.ref[rows], self.diff[rows], lambda: self.alt[rows])

    def exchanged(self, rows: Sequence[bool]) -> CoverageChange:
        """Return the same with some variants' reference and alternate exchanged.

        Exactly: what is signed turns its sign, and the sum of `alt` becomes that of `ref`.

        Parameters
        ----------
        rows : sequence of bool, length B
            For each variant, whether its alleles are exchanged.
        """
        if not any(rows):
            return self
        chosen = torch.tensor(rows, device=self.diff.device)[:, None, None]
        return CoverageChange(
            lambda: torch.where(chosen, self.alt, self.ref),
            torch.where(chosen, -self.diff, self.diff),
            lambda: torch.where(chosen, self.ref, self.alt),
        )

    def log2(self) -> CoverageChange:
        """Return the change of log2(x + 1), from the ratio of the values to keep its digits."""
        # Over the smaller of both values the ratio's excess over 1 is positive: log1p is safe.
        smaller = torch.minimum(self.ref, self.alt).clamp(min=0) + 1
        rise = torch.log1p(self.diff.abs() / smaller) / math.log(2)
        return CoverageChange(torch.log2(self.ref + 1), torch.copysign(rise, self.diff))

    def sqrt(self) -> CoverageChange:
        """Return the change of sqrt(x), diff / (sqrt(alt) + sqrt(ref)) to keep its digits."""
        root = torch.sqrt(self.ref)
        # Coverage is a softplus, never below 0; rounding may take ref + diff there.
        total = torch.sqrt(self.alt.clamp(min=0)) + root
        tiny = torch.finfo(total.dtype).tiny
        return CoverageChange(root, self.diff / total.clamp(min=tiny))


def _sum(x: Tensor) -> Tensor:
    """Sum over bins: a few at a time as they are, these sums in float64."""
    whole = x.shape[1] - x.shape[1] % _TOGETHER
    some = x[:, :whole].view(len(x), -1, _TOGETHER, x.shape[2]).sum(dim=2)
    rest = x[:, whole:].sum(dim=1, dtype=torch.float64)
    return some.sum(dim=1, dtype=torch.float64) + rest


def _signed_sum(change: CoverageChange) -> Tensor:
    return _sum(change.diff)


def _l1(change: CoverageChange) -> Tensor:
    return _sum(change.diff.abs())


def _l2(change: CoverageChange) -> Tensor:
    return torch.sqrt(_sum(change.diff.square()))


def _largest(change: CoverageChange) -> Tensor:
    # Of bins that differ by no more than rounding the first: one may rise as another falls,
    # and whichever is found the larger, by this engine or that, would decide about the sign.
    size = change.diff.abs()
    near = (size >= (1 - _ROUNDING) * size.amax(dim=1, keepdim=True)) | size.isnan()
    bins = near.int().argmax(dim=1, keepdim=True)
    return change.diff.gather(1, bins).squeeze(1).double()


def _log_ratio_of_sums(change: CoverageChange) -> Tensor:
    return torch.log2(_sum(change.alt) + 1) - torch.log2(_sum(change.ref) + 1)


def _symmetric_divergence(change: CoverageChange) -> Tensor:
    ref, alt = change.ref.double(), change.alt.double()
    # torch.quantile refuses tensors of more than 16 million numbers; a sort does not.
    ordered = ref.sort(dim=1).values
    rank = 0.25 * (ref.shape[1] - 1)
    low = math.floor(rank)
    high = min(low + 1, ref.shape[1] - 1)
    floor = torch.lerp(ordered[:, low], ordered[:, high], rank - low)[:, None]
    # Coverage that underflowed to 0 in every bin has no profile: keep 0 / 0 out of it.
    tiny = torch.finfo(torch.float64).tiny
    ref, alt = (ref + floor).clamp(min=tiny), (alt + floor).clamp(min=tiny)
    ref = ref / ref.sum(dim=1, keepdim=True)
    alt = alt / alt.sum(dim=1, keepdim=True)
    return ((ref - alt) * torch.log(ref / alt)).sum(dim=1) / 2


@dataclass(frozen=True)
class Statistic:
    """A formula with its name.

    Attributes
    ----------
    name : str
    function : callable
        From a `CoverageChange` of B variants to a float64 tensor of shape (B, T).
    needs_whole_window : bool
        False where bins without change do not matter to the score; such a statistic may be
        computed from the changed bins alone.
    """

    name: str
    function: Callable[[CoverageChange], Tensor]
    needs_whole_window: bool = False


def _log(function: Callable[[CoverageChange], Tensor]) -> Callable[[CoverageChange], Tensor]:
    return lambda change: function(change.log2())


def _root(function: Callable[[CoverageChange], Tensor]) -> Callable[[CoverageChange], Tensor]:
    return lambda change: function(change.sqrt())


_ALL = (
    Statistic("SAD", _signed_sum),
    Statistic("logSAD", _log(_signed_sum)),
    Statistic("sqrtSAD", _root(_signed_sum)),
    Statistic("SAX", _largest),
    Statistic("D1", _l1),
    Statistic("logD1", _log(_l1)),
    Statistic("sqrtD1", _root(_l1)),
    Statistic("D2", _l2),
    Statistic("logD2", _log(_l2)),
    Statistic("sqrtD2", _root(_l2)),
    Statistic("logSED", _log_ratio_of_sums, True),
    Statistic("JS", _symmetric_divergence, True),
    Statistic("logJS", _log(_symmetric_divergence), True),
    Statistic("REF", lambda change: _sum(change.ref), True),
    Statistic("ALT", lambda change: _sum(change.alt), True),
)

STATISTICS: dict[str, Statistic] = {statistic.name: statistic for statistic in _ALL}
"""By name; `varscore.options` has the names, for whoever imports no torch."""


def get_statistics(names: Iterable[str]) -> tuple[Statistic, ...]:
    """Look statistics up by name; each name once, in the order given.

    Raises
    ------
    OptionError
        If a name is unknown or none is given.
    """
    known = OPTIONS["statistics"].read(tuple(names))
    return tuple(STATISTICS[name] for name in dict.fromkeys(known))
