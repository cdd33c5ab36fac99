"""Reading results: chosen columns as a data frame, and how they were made."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from varscore.errors import OutputError
from varscore.models.tracks import TrackTable
from varscore.results.file import Record, ResultReader
from varscore.results.long import long_frame
from varscore.results.provenance import Provenance, no_scores
from varscore.results.table import measure_of, tracks_of

Frame = pd.DataFrame

logger = logging.getLogger(__name__)


def read_scores(
    path: str | Path,
    statistic: str | Sequence[str] | None = "SAD",
    tracks: str | Sequence[str] | None = None,
    *,
    columns: str | Sequence[str] | None = None,
    long: bool = False,
) -> pd.DataFrame:
    """Read some of a result's columns; the others are not touched.

    Parameters
    ----------
    path : str or Path
        A file that varscore wrote, or a folder of such files with equal columns, which are
        read as one, in the order of their names; hidden files are left alone. A copy that
        lacks rows, as one that pyarrow filtered, is read, and a line of the log says so; one
        that pandas or polars saved has lost what its columns are, and is refused.
    statistic : str, sequence of str or None
        One or several of the file's statistics, as its columns name them: ``SAD_250`` where
        a file has several widths of ``around``; None reads all.
    tracks : str, sequence of str or None
        Identifiers, a selection such as ``tissue=liver & assay=DNASE``, or a regular
        expression on descriptions and identifiers, as in `TrackTable.select`; None reads all.
    columns : str or sequence of str, optional
        Which of `VARIANT_COLUMNS` and, in a result of genes, `GENE_COLUMNS` to read; all if
        not given. `pos` is 1-based.
    long : bool
        Whether to return a row for each row of the result and track, in place of a column for
        each statistic and track.

    Returns
    -------
    pandas.DataFrame
        A row an allele, or with genes an allele and gene, in the file's order: `columns`,
        then the float32 columns ``<statistic>_<identifier>``. Rows that could not be scored
        have NaN in all of these and say why in ``status``. With `long`: `columns`; what is
        known of the track: ``identifier``, ``description``, ``assay``, ``tissue`` and so on;
        then a float32 column for each statistic, of its name. There, text is categorical.

    Raises
    ------
    OutputError
        If the file is absent, not whole, not varscore's or of a later version of varscore,
        or if it lacks a column asked for.
    OptionError
        If `tracks` names none of the file's tracks; with `long`, if two columns would have
        one name.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet")
    >>> read_scores("scores.parquet", "SAD", "DNASE:.*liver", columns=["key"]).columns.to_list()
    ['key', 'SAD_ENCFF462ZLK']
    >>> long = read_scores("scores.parquet", tracks="ENCFF462ZLK", columns=["key"], long=True)
    >>> long.columns.to_list()[3:]
    ['assay', 'class', 'target', 'biosample', 'tissue', 'life_stage', 'SAD']
    """
    of_rows, chosen, tables = list[str](), dict[str, TrackTable](), list[pa.Table]()
    for reader in opened_results(path):
        if said := reader.other_rows:
            logger.warning("%s: %s", reader.path, said)
        if not tables:
            of_rows = _row_columns(reader, columns)
            chosen = choose_tracks(reader.path, reader.schema, statistic, tracks)
        scores = [f"{name}_{i}" for name, table in chosen.items() for i in table.identifiers]
        tables.append(reader.read([*of_rows, *scores]))
    whole = pa.concat_tables(tables)
    frame: pd.DataFrame = long_frame(whole, chosen) if long else whole.to_pandas()
    return frame


def to_frame(table: pa.Table, made: Record | None = None) -> Frame:
    """Return a table as a data frame, with how it was made in its ``attrs``."""
    frame: Frame = table.to_pandas()
    if made is not None:
        frame.attrs.update(made.to_json())
    return frame


def _row_columns(reader: ResultReader, columns: str | Sequence[str] | None) -> list[str]:
    """Return the columns that say what a row is about, those that are wanted."""
    present = [field.name for field in reader.schema if measure_of(field) is None]
    wanted = [columns] if isinstance(columns, str) else columns
    for name in wanted or ():
        if name not in present:
            raise OutputError(
                f"{reader.path}: {name!r} is no variant column; "
                f"choose from {', '.join(present)}"
            )
    return present if wanted is None else list(wanted)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return how a result was made; for a folder of files, what its first file says.

    Raises
    ------
    OutputError
        If the file is absent, not whole, not varscore's or of a later version of varscore.
    """
    with closing(opened_results(path)) as readers:
        return next(readers).metadata


def read_provenance(path: str | Path) -> Provenance:
    """Return how a result was made, by name; for a folder of files, what its first file says.

    Raises
    ------
    OutputError
        As `read_metadata`, and if the file is no result.
    """
    with closing(opened_results(path)) as readers:
        return next(readers).provenance()


def opened_results(path: str | Path) -> Generator[ResultReader, None, None]:
    """Open the file of a result, or those of a folder one after the other.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    ResultReader
        Open until the next.

    Raises
    ------
    OutputError
        As `ResultReader`; if a folder has no files, or files of different columns.
    """
    schema = None
    for file in _files(Path(path)):
        with ResultReader(file) as reader:
            schema = schema or reader.schema
            if not reader.schema.equals(schema):
                raise OutputError(
                    f"{file}: its columns differ from those of the other files in its folder; "
                    "only results of the same statistics and tracks are read as one"
                )
            yield reader


def first_measure(file: str | Path, schema: pa.Schema) -> str:
    """Return the measure of a result's first score column.

    Parameters
    ----------
    file : str or Path
        For messages.
    schema : pyarrow.Schema

    Raises
    ------
    OutputError
        If it has none.
    """
    for field in schema:
        if measure := measure_of(field):
            return measure
    raise OutputError(
        f"{file}: has scores of neither tracks nor groups, only each row's strongest; score "
        "with --keep-tracks or --groups"
    )


def regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables into tables of so many rows, whatever the lengths they came in.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Of one schema.
    rows : int
        The last table may have fewer.

    Yields
    ------
    pyarrow.Table
        A chunk a column.
    """
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        while table.num_rows:
            part = table.slice(0, rows - count)
            table = table.slice(part.num_rows)
            held.append(part)
            count += part.num_rows
            if count == rows:
                yield pa.concat_tables(held).combine_chunks()
                held, count = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def has_scores(path: str | Path) -> bool:
    """Tell whether a result has scores of tracks or groups, not only each row's strongest.

    Raises
    ------
    OutputError
        As `opened_results`.
    """
    with closing(opened_results(path)) as readers:
        return bool(tracks_of(next(readers).schema))


def choose_columns(
    file: Path,
    schema: pa.Schema,
    statistic: str | Sequence[str] | None,
    tracks: str | Sequence[str] | None,
) -> list[str]:
    """Return the names of the score columns for a choice of statistics and tracks.

    Parameters
    ----------
    file : Path
        For messages.
    schema : pyarrow.Schema
        The file's.
    statistic, tracks
        As for `read_scores`.

    Raises
    ------
    OutputError
        If the file has no such statistic.
    OptionError
        If `tracks` names none of the file's tracks.
    """
    return [
        f"{name}_{identifier}"
        for name, table in choose_tracks(file, schema, statistic, tracks).items()
        for identifier in table.identifiers
    ]


def choose_tracks(
    file: Path,
    schema: pa.Schema,
    statistic: str | Sequence[str] | None,
    tracks: str | Sequence[str] | None,
) -> dict[str, TrackTable]:
    """Return the tracks of a choice of statistics and tracks, by the statistic.

    Parameters
    ----------
    file, schema, statistic, tracks
        As for `choose_columns`, which says what may be raised, too.
    """
    present = tracks_of(schema)
    if statistic is not None:
        first_measure(file, schema)
    if statistic is None:
        wanted = list(present)
    else:
        wanted = [statistic] if isinstance(statistic, str) else list(statistic)
    for name in wanted:
        if name not in present:
            raise OutputError(
                f"{file}: no statistic {name!r} in it; choose from {', '.join(present)}"
            )
    return {name: present[name].select(tracks) for name in wanted}


def read_tracks(path: str | Path) -> TrackTable:
    """Return the tracks that a result has scores of, with what it knows of them.

    Raises
    ------
    OutputError
        If the file is absent, not whole, not varscore's or of a later version of varscore,
        or a shard of a plan, which has no scores.
    """
    with closing(opened_results(path)) as readers:
        tables = tracks_of(next(readers).schema)
    if not tables:
        raise no_scores(path)
    return next(iter(tables.values()))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # As pandas, Spark and others do: such names are of files that are no part of the data.
    files = sorted(f for f in path.glob("*.parquet") if not f.name.startswith((".", "_")))
    if not files:
        raise OutputError(f"{path}: a folder without .parquet files")
    return files
