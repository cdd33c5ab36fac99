"""Proof that all scores of a plan are there, of its rows, and made alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import compress, groupby, pairwise
from pathlib import Path
from typing import Any

from varscore.errors import OutputError
from varscore.results.digest import RowDigest
from varscore.results.file import ResultReader
from varscore.results.provenance import Arithmetic, GenomeRecord, Provenance, no_scores
from varscore.results.table import GENE_COLUMNS, VARIANT_COLUMNS
from varscore.shards.expected import Expected
from varscore.shards.shard import ShardPlan
from varscore.variant import Status

# Rows are those of the plan, which settled the first two; columns say of what groups they are.
_NAMES = ("regions", "contigs", "genes", "background", "groups")


def prove_whole(
    plan: ShardPlan, files: Sequence[Path], asked: Expected | None = None
) -> Provenance:
    """Prove that the scores of all shards are there, and could be one result.

    Parameters
    ----------
    plan : ShardPlan
    files : sequence of Path
        The scores of its shards, in its order.
    asked : Expected, optional
        How they are to have been made.

    Returns
    -------
    Provenance
        Of the one result.

    Raises
    ------
    OutputError
        If scores are missing, damaged, of other rows than the plan's, or made otherwise than
        the others or than asked: by another version or model, with other options, in other
        arithmetic, or on another genome.
    """
    absent = [file for file in files if not file.is_file()]
    if absent:
        raise OutputError(
            f"{absent[0]}: no such file; {len(absent)} of {len(files)} shards are not scored; "
            "score them with `varscore score --shard` first"
        )
    expected: dict[str, Any] = {}
    arithmetics: list[Arithmetic] = []
    statuses: Counter[str] = Counter()
    rows = 0
    for entry, file in zip(plan.shards, files, strict=True):
        with ResultReader(file) as reader:
            made = reader.provenance()
            if made.model is None or made.engine is None:
                raise no_scores(file)
            if _digest(reader) != entry.variants:
                raise OutputError(
                    f"{file}: its rows are not those of shard {entry.number} of the plan "
                    f"({reader.rows} rows, expected {entry.rows} of {plan.provenance.vcf}); "
                    "score that shard again"
                )
            _check_genome(plan.provenance.genome, made.genome, file)
            if asked is not None:
                asked.check(file, made, reader.schema)
            found = {
                "version": made.version,
                "model": {key: made.model.get(key) for key in ("sha256", "config")},
                "options": _without_names(made.options),
                "columns": reader.schema.names,
                "tracks or groups": [dict(field.metadata or {}) for field in reader.schema],
                "background": made.background and made.background.sha256,
                "genes": made.genes and made.genes.sha256,
            }
            statuses.update(made.statuses)
            rows += reader.rows
        arithmetics.append(made.engine)
        expected = expected or found
        for what, value in found.items():
            if value != expected[what]:
                raise OutputError(
                    f"{file}: was made with other {what} than {files[0]} "
                    f"({difference(value, expected[what])}); score both alike"
                )
    return replace(
        made,
        genome=plan.provenance.genome,
        rows=rows,
        statuses=dict(sorted(statuses.items())),
        reasons=dict(sorted(plan.provenance.reasons.items())),
        engine=_one_arithmetic(arithmetics, files[0].parent),
        shard=None,
        fingerprint=None,
    )


def _without_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options but for names of files, whose content is compared in other ways.

    Tracks may be spelled as a list or between commas.
    """
    kept = {name: value for name, value in options.items() if name not in _NAMES}
    if isinstance(tracks := kept.get("tracks"), str):
        kept["tracks"] = [name.strip() for name in tracks.split(",")]
    return kept


def _check_genome(planned: GenomeRecord, found: GenomeRecord, file: Path) -> None:
    for contig, digest in found.m5.items():
        if digest != planned.m5.get(contig):
            raise OutputError(
                f"{file}: was scored on another genome ({found.file}) than the plan's "
                f"({planned.file}): contig {contig} has other bases there; score that shard "
                "again"
            )


def _digest(reader: ResultReader) -> str:
    """Return the digest of a file's alleles, without their genes and scores."""
    digest, before = RowDigest(), None
    for table in reader.groups(VARIANT_COLUMNS):
        columns = {name: table[name].to_pylist() for name in VARIANT_COLUMNS}
        if GENE_COLUMNS[0] in reader.schema.names:
            places = [before, *zip(columns["record"], columns["allele"], strict=True)]
            first = [one != other for one, other in pairwise(places)]
            before = places[-1]
            columns = {name: list(compress(values, first)) for name, values in columns.items()}
            planned = {Status.NO_GENE.value: Status.SCORED.value}
            columns["status"] = [planned.get(status, status) for status in columns["status"]]
        digest.update(columns.values())
    return digest.hexdigest()


def difference(found: Any, expected: Any) -> str:
    """Say where two values of JSON differ first.

    Parameters
    ----------
    found, expected : object
        They differ.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in [*expected, *found]:
            if name not in found:
                return f"no {name} there, {expected[name]!r} here"
            if name not in expected:
                return f"{name}: {found[name]!r} there, none here"
            if found[name] != expected[name]:
                return f"{name}: {difference(found[name], expected[name])}"
    if isinstance(found, list) and isinstance(expected, list):
        return f"{len(found)} there, {len(expected)} here, or others"
    return f"{found!r} there, {expected!r} here"


def _one_arithmetic(found: Sequence[Arithmetic], folder: Path) -> Arithmetic:
    """Return what all shards were computed in, or refuse shards that differ in it."""
    shards: dict[Arithmetic, list[int]] = {}  # numbers of those of each kind
    processors: dict[Arithmetic, set[str]] = {}
    for number, arithmetic in enumerate(found, 1):
        shards.setdefault(arithmetic.kind, []).append(number)
        processors.setdefault(arithmetic.kind, set()).add(arithmetic.processor)
    names = {kind: "; ".join(sorted(processors[kind])) for kind in shards}
    usual = max(shards, key=lambda kind: len(shards[kind]))
    if len(shards) == 1:
        return replace(usual, processor=names[usual])
    differing = [
        field.name
        for field in fields(Arithmetic)
        if len({getattr(kind, field.name) for kind in shards}) > 1
    ]
    said = [
        f"{_numbered(shards[kind])} on {names[kind]} with "
        + ", ".join(f"{name} {getattr(kind, name)}" for name in differing)
        for kind in shards
    ]
    others = sorted(number for kind in shards if kind != usual for number in shards[kind])
    advice = f"score {_numbered(others)} again on a machine like that of the others"
    if set(differing) <= {"differences", "reference_projection"}:
        advice += ", or all with --precision float32"
    raise OutputError(
        f"{folder}: shards were computed differently: {'; '.join(said)}; {advice}"
    )


def _numbered(numbers: Sequence[int]) -> str:
    """Name shards by their numbers, runs of them by their ends."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ]
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"{'shards' if len(numbers) > 1 else 'shard'} {', '.join(parts)}"
