"""Ranked variants as tables: rows of text, JSON, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from varscore.errors import OutputError
from varscore.files.atomic import check_target, write_text
from varscore.meaning.effects import Ranked
from varscore.meaning.top import top_variants
from varscore.results.file import ResultFile
from varscore.results.reading import Frame, read_provenance, to_frame

FORMS = (".tsv", ".json", ".parquet")


def flat(ranked: Ranked) -> dict[str, Any]:
    """Return a ranked variant as one row of a table.

    Its strongest track has columns of its own; the other tracks stand in one, as
    ``identifier:score`` with semicolons between.
    """
    first, *others = ranked.effects
    row: dict[str, Any] = {"rank": ranked.rank, **ranked.row}
    row |= {"track": first.identifier, "description": first.description}
    row |= {name: first.columns[name] for name in ("tissue",) if name in first.columns}
    row["score"] = first.score
    for name, value in (
        ("log2_ratio", first.log2_ratio),
        ("parts", first.parts),
        ("quantile", first.quantile),
        ("corrected", ranked.corrected),
        ("beyond", ranked.beyond),
        ("expected", ranked.expected),
    ):
        if value is not None:
            row[name] = value
    if others:
        row["others"] = "; ".join(f"{e.identifier}:{e.score:.4g}" for e in others)
    return {**row, **(ranked.joined or {})}


def top(scores: str | Path, **options: Any) -> Frame:
    """Return the strongest variants of a result as a data frame.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    **options
        As of `varscore.meaning.top.top_variants`, such as ``number=20``,
        ``tracks="tissue=liver"`` or ``background="background.parquet"``.

    Returns
    -------
    pandas.DataFrame
        A row a variant, the strongest first: ``rank``, what it is, its strongest ``track`` with
        ``description``, ``tissue``, ``score``, and so far as they are known ``log2_ratio``,
        ``quantile``, ``corrected``, ``beyond``, ``expected``; ``others`` has further tracks.

    Raises
    ------
    VarscoreError
        As `top_variants`.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet")
    >>> varscore.top("scores.parquet", number=3)["rank"].to_list()
    [1, 2, 3]
    """
    return to_frame(to_table(top_variants(scores, **options)))


def to_table(ranked: Sequence[Ranked]) -> pa.Table:
    """Return ranked variants as a table, a row each, of all columns that any of them has.

    Of haplotypes among other variants only some have the sum of their parts.
    """
    rows = [flat(one) for one in ranked]
    longest = max(rows, key=len, default={"rank": None})
    names = dict.fromkeys([*longest, *(name for row in rows for name in row)])
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pa.table(columns)


class PlainColumn(NamedTuple):
    """A column of a listing as plain values, as short as they can be written.

    Attributes
    ----------
    name : str
    kind : {"text", "number"}
    values : sequence
        None where there is none; of text that repeats itself places in `texts`.
    texts : sequence of str or None
    """

    name: str
    kind: Literal["text", "number"]
    values: Sequence[Any]
    texts: Sequence[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is text, and says nothing anywhere."""
        return self.texts is not None and not any(self.texts)


def plain_columns(table: pa.Table) -> list[PlainColumn]:
    """Return the columns of a listing as plain values.

    float32 is written as short as it can be told from others: 0.1, not 0.10000000149011612.
    """
    found = []
    for name in table.column_names:
        values = table[name].combine_chunks()
        if pa.types.is_dictionary(values.type):
            used, places = np.unique(values.indices.to_numpy(), return_inverse=True)
            texts = values.dictionary.take(pa.array(used)).to_pylist()
            found.append(PlainColumn(name, "text", places.tolist(), texts))
        elif pa.types.is_floating(values.type):
            texts = values.to_numpy(zero_copy_only=False).astype(str)
            found.append(PlainColumn(name, "number", texts.astype(float).tolist()))
        elif pa.types.is_integer(values.type):
            found.append(PlainColumn(name, "number", values.to_pylist()))
        else:
            found.append(PlainColumn(name, "text", *told_apart(values.to_pylist())))
    return found


def told_apart(texts: Sequence[str | None]) -> tuple[Sequence[Any], Sequence[str] | None]:
    """Return texts as they are or, if they repeat themselves, as places among those there are.

    Parameters
    ----------
    texts : sequence of str or None

    Returns
    -------
    values : sequence
    texts : sequence of str or None
        As in `PlainColumn`.
    """
    places: dict[str, int] = {}
    for text in texts:
        if text is not None:
            places.setdefault(text, len(places))
    if len(places) > len(texts) / 2:
        return texts, None
    return [None if text is None else places[text] for text in texts], list(places)


def to_tsv(ranked: Sequence[Ranked]) -> str:
    """Return ranked variants as text: a header, a line each, tabs between columns."""
    table, text = to_table(ranked), io.StringIO()
    lines = csv.writer(text, delimiter="\t", lineterminator="\n")
    lines.writerow(table.column_names)
    lines.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return text.getvalue()


def to_json(ranked: Sequence[Ranked]) -> str:
    """Return ranked variants as JSON, all of their effects included."""
    return json.dumps(plain(ranked), indent=2, allow_nan=False)


def plain(ranked: Sequence[Ranked]) -> list[dict[str, Any]]:
    """Return ranked variants, JSON-ready; what is not known is left out."""
    return [
        {key: value for key, value in asdict(one).items() if value is not None}
        for one in ranked
    ]


def write_listing(
    path: str | Path, ranked: Sequence[Ranked], scores: str | Path, *, force: bool = False
) -> None:
    """Write ranked variants to a file.

    Parameters
    ----------
    path : str or Path
        Its suffix says which form: ``.tsv``, ``.json`` or ``.parquet``, which has in its
        metadata how the scores were made.
    ranked : sequence of Ranked
    scores : str or Path
        The result that they are from.
    force : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        If the form is not known, or the file cannot be written.
    """
    path = Path(path)
    check_listing(path, force=force)
    if path.suffix != ".parquet":
        write_text(path, to_tsv(ranked) if path.suffix == ".tsv" else to_json(ranked) + "\n")
        return
    table = to_table(ranked)
    made = replace(read_provenance(scores), rows=len(ranked))
    with ResultFile(path, table.schema, force=force, dictionary=(), statistics=()) as file:
        file.write(table)
        file.commit(made)


def check_listing(path: Path, *, force: bool = False) -> None:
    """Check that a listing can be written, before the work.

    Parameters
    ----------
    path : Path
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If its suffix says no form, or as `varscore.files.atomic.check_target`.
    """
    if path.suffix not in FORMS:
        raise OutputError(
            f"output {path}: its suffix says no form; expected one of {', '.join(FORMS)}"
        )
    check_target(path, force=force)
