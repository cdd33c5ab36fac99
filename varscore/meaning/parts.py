"""Haplotypes beside the alleles that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from varscore.inputs.given import File, opened
from varscore.inputs.lines import read_columns
from varscore.meaning.effects import Ranked
from varscore.meaning.scores import scored_rows
from varscore.results.reading import opened_results


def with_parts(
    ranked: Sequence[Ranked], scores: str | Path, haplotypes: str | Path, measure: str
) -> list[Ranked]:
    """Set the scores of haplotypes against the sums of their members' scores.

    Parameters
    ----------
    ranked : sequence of Ranked
    scores : str or Path
        The result that they are from, with rows of the members.
    haplotypes : str or Path
        The VCF that `varscore.write_haplotypes` wrote with its parts, and that was scored.
    measure : str
        Whose scores these are.

    Returns
    -------
    list of Ranked
        Effects of haplotypes all of whose members were scored have the sum in `parts`.

    Raises
    ------
    VarscoreError
        If a file cannot be used.
    """
    members = _members(haplotypes, {str(one.row["id"]) for one in ranked})
    wanted = {key for keys in members.values() for key in keys}
    tracks = {effect.identifier for one in ranked for effect in one.effects}
    known = _scores_of(scores, wanted, sorted(tracks), measure)
    made = []
    for one in ranked:
        keys = members.get(str(one.row["id"]), ())
        if keys and all(key in known for key in keys):
            effects = (
                replace(e, parts=sum(known[key][e.identifier] for key in keys))
                for e in one.effects
            )
            one = replace(one, effects=tuple(effects))
        made.append(one)
    return made


def _members(haplotypes: str | Path, ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the keys of the members of some haplotypes, by the haplotypes' IDs."""
    found: dict[str, Sequence[str]] = {}
    wanted = set(ids)
    with opened(str(haplotypes)) as inputs:
        for source in inputs:
            if not isinstance(source, File):
                continue
            for _, columns in read_columns(source.path, source.name):
                if columns[2] in wanted:
                    facts = dict(entry.partition("=")[::2] for entry in columns[7].split(";"))
                    if "MEMBERS" in facts:
                        found[columns[2]] = facts["MEMBERS"].split(",")
    return found


def _scores_of(
    scores: str | Path, keys: set[str], tracks: Sequence[str], measure: str
) -> dict[str, dict[str, float]]:
    """Return the scores of some rows on some tracks, by their keys."""
    names = [f"{measure}_{track}" for track in tracks]
    found: dict[str, dict[str, float]] = {}
    for reader in opened_results(scores):
        for table in reader.groups(["key", "status", *names]):
            chosen = pc.is_in(table["key"], pa.array(sorted(keys), pa.string()))
            some = table.filter(pc.and_(chosen, pa.array(scored_rows(table))))
            rows = zip(*(some[name].to_pylist() for name in names), strict=True)
            for key, row in zip(some["key"].to_pylist(), rows, strict=True):
                found[key] = dict(zip(tracks, row, strict=True))
    return found
