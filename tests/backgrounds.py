"""Results of given scores, for tests of backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from writers import provenance

from varscore.models.tracks import TrackTable
from varscore.options import ScoreOptions
from varscore.results.file import ResultFile, ResultReader
from varscore.results.table import ScoreWriter
from varscore.variant import Allele, Reason, Status, Variant

MODEL = {"name": "small", "sha256": "0" * 64, "activation": "gelu_new"}


def write_result(
    path: Path,
    scores: Any,
    *,
    unscored: Sequence[int] = (),
    model: Mapping[str, str] = MODEL,
    facts: Mapping[str, Mapping[str, str]] | None = None,
    group_rows: int | None = None,
    **options: Any,
) -> Path:
    """Write scores, shape (B, S, T), of tracks t0, t1 ...; return the path.

    `unscored` are numbers of further rows, without scores; `facts` of tracks go into the
    metadata of their columns, as those of a track table do.
    """
    scores, chosen = np.asarray(scores, np.float32), ScoreOptions(**options)
    names = [f"t{number}" for number in range(scores.shape[2])]
    tracks = TrackTable.from_names(names, names)
    alleles = []
    for number in range(len(scores) + len(unscored)):
        variant, status, reason = Variant("chr1", number + 1, "A", "G"), Status.SCORED, None
        if number in unscored:
            variant, status, reason = None, Status.REF_MISMATCH, Reason.OTHER
        row = ("1", number + 1, f"rs{number}", "A", "G", number, 1, status, variant, reason)
        alleles.append(Allele(*row))
    with ScoreWriter(
        path, chosen.measures, tracks, genes=chosen.genes is not None, group_rows=group_rows
    ) as writer:
        writer.write(alleles, scores)
        writer.commit(provenance(model=dict(model), options=asdict(chosen), rows=len(alleles)))
    if facts:
        _describe(path, facts)
    return path


def _describe(path: Path, facts: Mapping[str, Mapping[str, str]]) -> None:
    def described(table: pa.Table) -> pa.Table:
        fields = []
        for field in table.schema:
            known = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
            more = facts.get(known.get("identifier", ""), {})
            fields.append(field.with_metadata({**known, **more}) if known else field)
        return table.cast(pa.schema(fields))

    rewrite(path, described)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Write a result again after a change to its table; return its path."""
    with ResultReader(path) as reader:
        table, made = change(reader.read(reader.schema.names)), reader.provenance()
    with ResultFile(path, table.schema.remove_metadata(), force=True) as file:
        file.write(table)
        file.commit(made)
    return path


def without_last_scores(table: pa.Table) -> pa.Table:
    """Return a table with nulls in its last column."""
    field = table.schema.field(-1)
    nulls = pa.nulls(table.num_rows, field.type)
    return table.set_column(table.num_columns - 1, field, nulls)


def heavy_tailed(rng: np.random.Generator, *shape: int) -> Any:
    """Draw numbers of which some are far out, and a tenth are exactly 0."""
    drawn = rng.standard_t(1.5, shape).astype(np.float32)
    drawn[rng.random(shape) < 0.1] = 0
    return drawn


def exact_quantiles(kept: Any, scores: Any) -> Any:
    """Return the share of `kept` below each of the scores, half of those equal; by counting."""
    return np.array([((kept < x).sum() + (kept <= x).sum()) / 2 / len(kept) for x in scores])
