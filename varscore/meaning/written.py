"""What is written of scores: of tracks, groups, the strongest, and how unusual they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from varscore.meaning.background import Background
from varscore.meaning.conditions import Conditions
from varscore.meaning.groups import Group, GroupColumns, TopColumns, track_groups
from varscore.meaning.quantiles import WrittenQuantiles
from varscore.meaning.scores import score_fields
from varscore.models.tracks import TrackTable
from varscore.options import ScoreOptions
from varscore.results.provenance import BackgroundEntry
from varscore.results.table import VARIANT_COLUMNS, Derived, rows_per_group, score_schema

_WHERE = "these options"  # in place of a result's file, for messages


@dataclass(frozen=True)
class Written:
    """What options ask for besides, or in place of, the scores of all tracks.

    Attributes
    ----------
    groups : tuple of Group
    background : BackgroundEntry or None
        Of which quantiles are.
    derived : tuple of Derived
        The columns.
    schema : pyarrow.Schema
        Of a result, without genes.
    """

    groups: tuple[Group, ...]
    background: BackgroundEntry | None
    derived: tuple[Derived, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, options: ScoreOptions, tracks: TrackTable, model: Mapping[str, Any]) -> Self:
        """Return what options ask for.

        Parameters
        ----------
        options : ScoreOptions
        tracks : TrackTable
            Those that are scored.
        model : mapping
            What the model says of itself.

        Raises
        ------
        OptionError
            If the tracks cannot be grouped so, or are fewer than are to be named.
        OutputError
            If the background cannot be read or is of scores that are made otherwise.
        """
        measures, derived = options.measures, list[Derived]()
        members = () if options.groups is None else track_groups(options.groups, tracks)
        groups = GroupColumns(measures, members) if members else None
        if groups:
            derived.append(groups)
        if options.top_tracks:
            derived.append(TopColumns(measures, tracks, options.top_tracks))
        known = None
        if options.background is not None:
            known = Background.read(options.background)
            known.check_conditions(Conditions.of(model, asdict(options)), _WHERE)
            derived.append(_quantiles(known, options, tracks, groups))
        return cls(
            members,
            None if known is None else known.entry(),
            tuple(derived),
            score_schema(measures, tracks, derived=derived, keep_tracks=options.has_tracks),
        )

    @property
    def group_bytes(self) -> int:
        """What a row group of scores takes in memory."""
        return 4 * (len(self.schema) - len(VARIANT_COLUMNS)) * rows_per_group(self.schema)


def _quantiles(
    background: Background,
    options: ScoreOptions,
    tracks: TrackTable,
    groups: GroupColumns | None,
) -> WrittenQuantiles:
    """Return the quantiles of what is written; of tracks' extremes, if nothing else is."""
    of_tracks = options.has_tracks or not groups
    schema = score_schema(
        options.measures,
        tracks,
        derived=[groups] if groups else [],
        keep_tracks=of_tracks,
    )
    return WrittenQuantiles(
        background,
        score_fields(schema, Path(_WHERE)),
        groups,
        tracks=of_tracks,
        only_extremes=not (options.has_tracks or groups),
    )
