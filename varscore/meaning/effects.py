"""Scores with what is known of them: their tracks, log ratios, and how unusual they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.meaning.background import Background
from varscore.meaning.distribution import tails_of
from varscore.meaning.scores import is_signed, scored_rows
from varscore.models.tracks import TrackTable
from varscore.results.provenance import Provenance
from varscore.results.reading import choose_tracks, first_measure, opened_results
from varscore.results.table import GENE_COLUMNS


@dataclass(frozen=True)
class Effect:
    """What a variant does to one track.

    Attributes
    ----------
    identifier, description : str
        Of the track, or of a group of tracks.
    columns : dict of str to str
        What else the result says of the track, such as its tissue.
    score : float
    log2_ratio : float or None
        log2((ALT + 1) / (REF + 1)), where the result has what it takes.
    quantile : float or None
        The signed quantile of the score, where there is a background.
    ref, alt : float or None
        REF and ALT, where the result has them or REF and SAD.
    parts : float or None
        Of a haplotype, the sum of its members' scores, where these were asked for.
    """

    identifier: str
    description: str
    columns: dict[str, str]
    score: float
    log2_ratio: float | None = None
    quantile: float | None = None
    ref: float | None = None
    alt: float | None = None
    parts: float | None = None


@dataclass(frozen=True)
class Ranked:
    """A variant, or a variant and gene, among the strongest.

    Attributes
    ----------
    rank : int
        1 is the strongest.
    row : dict of str to object
        ``chrom``, ``pos`` (1-based), ``id``, ``ref``, ``alt`` and ``key`` as in the result,
        and the columns of its gene, where rows are about genes.
    effects : tuple of Effect
        On the tracks where it is strongest, the strongest first.
    corrected : float or None
        The share of the background's rows that are as extreme on any of as many tracks.
    beyond : int or None
        Tracks on which its score is beyond the background's 99.9th percentile.
    expected : float or None
        How many these are on average in the background.
    joined : dict of str to str
        The user's own columns.
    """

    rank: int
    row: Mapping[str, Any]
    effects: tuple[Effect, ...]
    corrected: float | None = None
    beyond: int | None = None
    expected: float | None = None
    joined: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Judged:
    """The scores of B rows on T tracks.

    Attributes
    ----------
    tracks : TrackTable
    scores : ndarray, shape (B, T), float32
    ratios, refs, alts : ndarray, shape (B, T), float32, optional
        log2((ALT + 1) / (REF + 1)), REF, ALT.
    quantiles, tails : ndarray, shape (B, T), optional
        As in `varscore.meaning.background.Background`.
    corrected : ndarray, shape (B,), optional
        The share of the background's rows that are as extreme.
    """

    tracks: TrackTable
    scores: NDArray[np.float32]
    ratios: NDArray[np.float32] | None = None
    refs: NDArray[np.float32] | None = None
    alts: NDArray[np.float32] | None = None
    quantiles: NDArray[np.float64] | None = None
    tails: NDArray[np.float32] | None = None
    corrected: NDArray[np.float64] | None = None

    def take(self, rows: Sequence[int]) -> Self:
        """Return the scores of some rows."""

        def of(values: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if values is None else values[list(rows)]

        return replace(
            self,
            scores=self.scores[list(rows)],
            ratios=of(self.ratios),
            refs=of(self.refs),
            alts=of(self.alts),
            quantiles=of(self.quantiles),
            tails=of(self.tails),
            corrected=of(self.corrected),
        )

    def effect(self, row: int, track: int) -> Effect:
        """Return one of the scores with what is known of it."""
        tracks = self.tracks

        def cell(matrix: NDArray[np.floating[Any]] | None) -> float | None:
            return None if matrix is None else float(matrix[row, track])

        return Effect(
            tracks.identifiers[track],
            tracks.descriptions[track],
            {name: values[track] for name, values in tracks.columns.items()},
            float(self.scores[row, track]),
            log2_ratio=cell(self.ratios),
            quantile=cell(self.quantiles),
            ref=cell(self.refs),
            alt=cell(self.alts),
        )


@dataclass(frozen=True)
class Columns:
    """Which columns of a result are looked at.

    Attributes
    ----------
    measure : str
    tracks : TrackTable
        T of them.
    ratios : tuple of str
        Of measures that log ratios are made of: none, ``logSED``, or ``REF`` and another.
    background : Background or None
        That the scores are held against.
    signed : tuple of bool
        Whether a track's scores may be negative.
    quantiles, extremes : bool
        Whether quantiles, and each row's extreme among these tracks, are read from the result.
    """

    measure: str
    tracks: TrackTable
    ratios: tuple[str, ...]
    background: Background | None
    signed: tuple[bool, ...]
    quantiles: bool
    extremes: bool

    @classmethod
    def of(
        cls,
        path: str | Path,
        schema: pa.Schema,
        made: Provenance,
        statistic: str | None,
        tracks: str | Sequence[str] | None,
        background: Background | None,
    ) -> Self:
        """Choose columns of a result.

        Parameters
        ----------
        path : str or Path
            The result, for messages.
        schema : pyarrow.Schema
        made : Provenance
        statistic : str or None
            The result's first if not given.
        tracks : str, sequence of str or None
            As for `varscore.read_scores`; of what it chooses, groups of tracks do not count
            where there are tracks, and of a group the score that is largest in size does.
        background : Background or None

        Raises
        ------
        OutputError
            If the result lacks the statistic, or the background does not fit.
        OptionError
            If `tracks` names none of the result's tracks.
        """
        measure = statistic or first_measure(path, schema)
        chosen = choose_tracks(Path(path), schema, measure, tracks)[measure]
        groups = chosen.columns.get("aggregate", ("",) * len(chosen))
        # Where there are tracks, groups of them do not count; of a group, its strongest track.
        kept = next((name for name in ("", "max") if name in groups), None)
        if kept is not None:
            chosen = chosen.take([row for row, name in enumerate(groups) if name == kept])
            groups = chosen.columns.get("aggregate", ())
        if background is not None:
            background.check(made, path, measure)
        # The largest score of a group and its largest REF need not be of one track.
        ratios = () if any(groups) else _ratios(schema, measure, chosen.identifiers)
        names = [f"{measure}_{identifier}" for identifier in chosen.identifiers]
        own = background is None
        return cls(
            measure,
            chosen,
            ratios,
            background,
            signed=tuple(is_signed(schema.field(name)) for name in names),
            quantiles=own and f"{measure}_quantile_{chosen.identifiers[0]}" in schema.names,
            extremes=own and tracks is None and f"{measure}_extreme_corrected" in schema.names,
        )

    @property
    def has_quantiles(self) -> bool:
        """Whether there is a background, or the result has quantiles."""
        return self.background is not None or self.quantiles or self.extremes

    def judged(
        self, scores: str | Path, more: Sequence[str]
    ) -> Iterator[tuple[pa.Table, Judged]]:
        """Read the scored rows of a result, a row group at a time.

        Parameters
        ----------
        scores : str or Path
        more : sequence of str
            Columns that are read, too; those of genes always are, where there are any.

        Yields
        ------
        table : pyarrow.Table
            Of B rows, at least one.
        judged : Judged
            Their scores.
        """
        for reader in opened_results(scores):
            if self.background is not None:
                self.background.check(reader.provenance(), reader.path, self.measure)
            genes = [name for name in GENE_COLUMNS if name in reader.schema.names]
            measures = [self.measure, *self.ratios]
            if self.quantiles:
                measures.append(f"{self.measure}_quantile")
            names = [f"{m}_{name}" for m in measures for name in self.tracks.identifiers]
            if self.extremes:
                names.append(f"{self.measure}_extreme_corrected")
            for table in reader.groups([*more, "status", *genes, *names]):
                table = table.filter(pa.array(scored_rows(table)))
                if table.num_rows:
                    yield table, self.judge(table)

    def judge(self, table: pa.Table) -> Judged:
        """Return the scores of a table of scored rows, with what is known of them."""

        def matrix(measure: str) -> NDArray[np.float32]:
            return np.column_stack(
                [table[f"{measure}_{name}"].to_numpy() for name in self.tracks.identifiers]
            )

        scores, identifiers = matrix(self.measure), self.tracks.identifiers
        ratios, refs, alts = self._coverage(scores, matrix)
        judged = Judged(self.tracks, scores, ratios, refs, alts)
        if self.background is not None:
            among = self.measure, identifiers
            quantiles = self.background.quantiles(*among, scores)
            tails = self.background.extremity(*among, scores, quantiles)
            corrected = self.background.corrected(*among, tails.min(axis=1))
            return replace(judged, quantiles=quantiles, tails=tails, corrected=corrected)
        if self.extremes:
            corrected = table[f"{self.measure}_extreme_corrected"].to_numpy()
            judged = replace(judged, corrected=corrected.astype(np.float64))
        if self.quantiles:
            quantiles = matrix(f"{self.measure}_quantile").astype(np.float64)
            tails = tails_of(quantiles, np.array(self.signed))
            judged = replace(judged, quantiles=quantiles, tails=tails)
        return judged

    def _coverage(
        self, scores: NDArray[np.float32], matrix: Callable[[str], NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32] | None, ...]:
        """Return log2((ALT + 1) / (REF + 1)), REF and ALT, each None where it is not there."""
        if not self.ratios:
            return None, None, None
        first, *others = (matrix(measure) for measure in self.ratios)
        if self.ratios[0].startswith("logSED"):
            return first, None, None
        # Coverage is positive; in float32 the sum may be less by rounding.
        alternate = others[0] if others else np.maximum(first + scores, 0)
        return np.log2((alternate + 1) / (first + 1)), first, alternate


def _ratios(schema: pa.Schema, measure: str, identifiers: Sequence[str]) -> tuple[str, ...]:
    """Return the measures, over the same bins, that log2((ALT + 1) / (REF + 1)) is made of."""
    width = measure.partition("_")[2]
    end = f"_{width}" if width else ""
    for statistics in (("REF", "ALT"), ("logSED",)):
        names = tuple(f"{statistic}{end}" for statistic in statistics)
        if all(f"{name}_{identifiers[0]}" in schema.names for name in names):
            return names
    if measure == f"SAD{end}" and f"REF{end}_{identifiers[0]}" in schema.names:
        return (f"REF{end}",)
    return ()
