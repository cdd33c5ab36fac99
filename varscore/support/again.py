"""Rows of a result, computed again: what differs by more than rounding does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from varscore.inputs.genome import ReferenceGenome
from varscore.models.model import Model
from varscore.options import Measure, ScoreOptions, StatisticName
from varscore.results.file import HeldResult
from varscore.results.inspection import Inspection, score_differences
from varscore.scoring import Scorer
from varscore.variant import Allele

# What a rounding of coverage does to a score is a share of the sum of absolute changes, and of
# the reference that these are differences to. The first is ten times what results of one
# machine differ by (engines/README.md); products in bfloat16 are so much coarser.
SHARES = {"float32": 2e-5, "mixed": 1e-2}
OF_REFERENCE, ABSOLUTE = 1e-6, 1e-5

# The sum of absolute changes that belongs to a statistic.
_CHANGES: dict[StatisticName, StatisticName] = {
    "SAD": "D1", "SAX": "D1", "D1": "D1", "D2": "D1", "JS": "D1", "REF": "D1", "ALT": "D1",
    "logSAD": "logD1", "logD1": "logD1", "logD2": "logD1", "logSED": "logD1", "logJS": "logD1",
    "sqrtSAD": "sqrtD1", "sqrtD1": "sqrtD1", "sqrtD2": "sqrtD1",
}  # fmt: skip

_Numbers = NDArray[np.float64]


def differences_again(
    found: Inspection,
    alleles: Sequence[Allele],
    genome: ReferenceGenome,
    model: Model,
    options: ScoreOptions,
    memory: int,
) -> list[str]:
    """Score the sample of a result again.

    Parameters
    ----------
    found : Inspection
    alleles : sequence of Allele
        Those of its sample, located.
    genome, model, options, memory
        As for `varscore.scoring.Scorer`.

    Returns
    -------
    list of str
        A sentence for each row that differs by more than `SHARES` of its absolute changes
        allows, and the same of the reference.
    """

    def scored(chosen: ScoreOptions) -> HeldResult:
        return Scorer(genome, model, chosen, memory).held(alleles, vcf="")

    sizes = replace(
        options,
        statistics=tuple(sorted({"REF", *(_CHANGES[name] for name in options.statistics)})),
        groups=None, top_tracks=0, keep_tracks=False, background=None,
    )  # fmt: skip
    again = scored(options)
    bounds = dict(_bounds(again, scored(sizes), options, sizes))
    return score_differences(found.sample, again.table, bounds)


def _bounds(
    again: HeldResult, changes: HeldResult, options: ScoreOptions, sizes: ScoreOptions
) -> Iterator[tuple[str, _Numbers]]:
    """Yield columns of scores, and by how much each row may differ there."""
    named = {(measure.statistic, measure.around): measure for measure in sizes.measures}
    share = SHARES[options.precision]
    for measure in options.measures:
        change = _by_track(changes, named[_CHANGES[measure.statistic], measure.around])
        reference = _by_track(changes, named["REF", measure.around])
        for name, identifier in _columns(again, measure):
            value = np.abs(again.table[name].to_numpy().astype(np.float64))
            size = share * (value + _of(change, identifier))
            yield name, size + OF_REFERENCE * _of(reference, identifier) + ABSOLUTE


def _columns(held: HeldResult, measure: Measure) -> Iterator[tuple[str, str]]:
    """Yield the columns of a measure, of tracks or groups, each with its identifier."""
    for field in held.table.schema:
        facts = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        about = facts.get("statistic"), facts.get("around")
        if about == (measure.statistic, str(measure.around)):
            yield field.name, facts["identifier"]


def _by_track(held: HeldResult, measure: Measure) -> dict[str, _Numbers]:
    return {
        identifier: held.table[name].to_numpy().astype(np.float64)
        for name, identifier in _columns(held, measure)
    }


def _of(tracks: Mapping[str, _Numbers], identifier: str) -> _Numbers:
    """Return a track's numbers; of a group the largest of all tracks'."""
    if identifier in tracks:
        return tracks[identifier]
    largest: _Numbers = np.max(list(tracks.values()), axis=0)
    return largest
