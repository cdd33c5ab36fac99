"""Groups of tracks, and columns that say of a group what its tracks' scores have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OptionError
from varscore.models.tracks import TrackTable, alike
from varscore.options import Measure

Aggregate = Literal["mean", "max", "mean_abs", "max_abs"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)


@dataclass(frozen=True)
class Group:
    """Some tracks that are looked at together.

    Attributes
    ----------
    name : str
        As in the names of columns.
    description : str
    columns : dict of str to str
        What its tracks share: values of columns of the track table.
    rows : tuple of int
        Of the track table, 0-based, ascending.
    members : str
        Digest of its tracks' identifiers: equal for equal groups.
    """

    name: str
    description: str
    columns: Mapping[str, str]
    rows: tuple[int, ...]
    members: str

    @classmethod
    def of(
        cls, name: str, columns: Mapping[str, str], rows: Sequence[int], tracks: TrackTable
    ) -> Self:
        """Return the group of some rows of a track table."""
        said = ", ".join(f"{column} {value}" for column, value in columns.items())
        letters = re.sub(r"[^0-9A-Za-z.+-]+", "_", name)
        identifiers = "\n".join(tracks.identifiers[row] for row in rows)
        digest = hashlib.sha256(identifiers.encode()).hexdigest()
        return cls(letters, said, columns, tuple(rows), digest[:16])


def track_groups(wanted: str, tracks: TrackTable) -> tuple[Group, ...]:
    """Return the groups that an option asks for.

    Parameters
    ----------
    wanted : str
        Names of columns of the track table between commas, each combination of whose values
        is a group; or the path of a file with a track's identifier and, behind a tab, a
        group's name on each line. A track may stand in several groups of a file; one with an
        empty cell is in no group.
    tracks : TrackTable

    Returns
    -------
    tuple of Group
        In the order of their names; groups of a file in its order.

    Raises
    ------
    OptionError
        If it is neither, if a line of the file is no such line or names a track that there is
        not, if no track is in any group, or if two names differ in their case only.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if names and all(name in tracks.columns for name in names):
        groups = _groups_of_columns(names, tracks)
    elif Path(wanted).is_file():
        groups = _groups_of_file(wanted, tracks)
    else:
        known = ", ".join(tracks.columns) or "none"
        raise OptionError(
            f"groups: {wanted!r} is neither a file nor columns of the track table, which has "
            f"{known}; give some of these between commas, or a file of identifiers and groups"
        )
    if not groups:
        raise OptionError(
            f"groups: {wanted!r} puts none of the {len(tracks)} tracks in a group"
        )
    if pair := alike(group.name for group in groups):
        raise OptionError(
            f"groups: the names {pair[0]!r} and {pair[1]!r} differ in upper and lower case "
            "only; they name the output's columns, which SQL would take for one"
        )
    return groups


def _groups_of_columns(names: Sequence[str], tracks: TrackTable) -> tuple[Group, ...]:
    members: dict[tuple[str, ...], list[int]] = {}
    columns = [tracks.columns[name] for name in names]
    for row, values in enumerate(zip(*columns, strict=True)):
        if all(values):
            members.setdefault(values, []).append(row)
    return tuple(
        Group.of("_".join(values), dict(zip(names, values, strict=True)), rows, tracks)
        for values, rows in sorted(members.items())
    )


def _groups_of_file(path: str, tracks: TrackTable) -> tuple[Group, ...]:
    numbers = {name: row for row, name in enumerate(tracks.identifiers)}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"groups: {path} cannot be read as text: {error}") from error
    members: dict[str, set[int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == 1 and line.split("\t")[0] == "identifier"):
            continue
        identifier, _, name = (word.strip() for word in line.partition("\t"))
        if not name or "\t" in name:
            raise OptionError(
                f"groups: {path}, line {number}: {line!r}, expected a track's identifier, a "
                "tab and a group's name"
            )
        if identifier not in numbers:
            raise OptionError(
                f"groups: {path}, line {number}: {identifier!r} is none of the {len(tracks)} "
                "tracks that are scored; `varscore tracks` lists them"
            )
        members.setdefault(name, set()).add(numbers[identifier])
    return tuple(
        Group.of(name, {"group": name}, sorted(rows), tracks) for name, rows in members.items()
    )


class GroupColumns:
    """Columns ``<measure>_<group>_<aggregate>`` of scores.

    Of a group's tracks: ``mean``, ``max`` (the score that is largest in size, with its sign,
    the first of equals), ``mean_abs`` and ``max_abs`` (the same of sizes). Means are taken in
    float64. To whoever reads the result, such a column is one more track of the measure, with
    the identifier ``<group>_<aggregate>``.

    Parameters
    ----------
    measures : sequence of Measure
        S of them.
    groups : sequence of Group

    Attributes
    ----------
    fields : tuple of pyarrow.Field
        Measures outside, then groups, then aggregates.

    Raises
    ------
    OptionError
        If two groups have one name in columns.
    """

    def __init__(self, measures: Sequence[Measure], groups: Sequence[Group]) -> None:
        names = [group.name for group in groups]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise OptionError(
                f"groups: two of them make columns called {twice!r}; give names that differ in "
                "letters, digits, '.', '+' or '-'"
            )
        self._groups = tuple(groups)
        self.fields = tuple(
            pa.field(f"{measure.name}_{group.name}_{aggregate}", pa.float32(), metadata=facts)
            for measure in measures
            for group in groups
            for aggregate in AGGREGATES
            for facts in [_facts(measure, group, aggregate)]
        )

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Return an array a field.

        Parameters
        ----------
        scores : ndarray, shape (B, S, T)
        """
        found = []
        for measured in scores.swapaxes(0, 1):
            for group in self._groups:
                values = np.ascontiguousarray(measured[:, group.rows])
                sizes = np.abs(values)
                largest = sizes.argmax(1)[:, None]
                found += [
                    values.mean(1, dtype=np.float64),
                    np.take_along_axis(values, largest, 1)[:, 0],
                    sizes.mean(1, dtype=np.float64),
                    np.take_along_axis(sizes, largest, 1)[:, 0],
                ]
        return [pa.array(column.astype(np.float32)) for column in found]


def _facts(measure: Measure, group: Group, aggregate: Aggregate) -> dict[str, str]:
    return {
        **group.columns,
        "statistic": measure.statistic,
        "around": str(measure.around),
        "index": "-1",  # no track of the model's
        "identifier": f"{group.name}_{aggregate}",
        "description": f"{aggregate} of {len(group.rows)} tracks: {group.description}",
        "aggregate": aggregate,
        "tracks": str(len(group.rows)),
        "members": group.members,
    }


class TopColumns:
    """Columns of the K tracks whose scores are largest in size, strongest first.

    ``<measure>_top<k>_track`` has the track's identifier, ``<measure>_top<k>`` its score; k
    begins with 1, and of equal sizes the model's first track comes first.

    Parameters
    ----------
    measures : sequence of Measure
        S of them.
    tracks : TrackTable
        T of them.
    number : int
        K.

    Attributes
    ----------
    fields : tuple of pyarrow.Field

    Raises
    ------
    OptionError
        If there are fewer tracks.
    """

    def __init__(self, measures: Sequence[Measure], tracks: TrackTable, number: int) -> None:
        if number > len(tracks):
            raise OptionError(
                f"top_tracks: {number} of {len(tracks)} tracks that are scored; give at most "
                "as many"
            )
        self._number = number
        self._names = pa.array(tracks.identifiers, pa.string())
        self.fields = tuple(
            pa.field(name, kind, metadata={"measure": measure.name, "rank": str(rank)})
            for measure in measures
            for rank in range(1, number + 1)
            for name, kind in (
                (f"{measure.name}_top{rank}_track", pa.string()),
                (f"{measure.name}_top{rank}", pa.float32()),
            )
        )

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Return an array a field.

        Parameters
        ----------
        scores : ndarray, shape (B, S, T)
        """
        found = []
        for measured in scores.swapaxes(0, 1):
            order = np.argsort(-np.abs(measured), axis=1, kind="stable")[:, : self._number]
            values = np.take_along_axis(measured, order, 1)
            for place in range(self._number):
                found.append(self._names.take(pa.array(order[:, place])))
                found.append(pa.array(np.ascontiguousarray(values[:, place])))
        return found
