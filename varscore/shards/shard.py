"""What a VCF was cut into, so that many processes can score it.

A plan is a folder: tables ``0001.parquet``, ... with the alleles of one shard each, and
``plan.json``, which says what there is. `varscore.shards.plan` makes it; whoever scores a shard
never sees the VCF.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from varscore.errors import OutputError
from varscore.files.atomic import write_json
from varscore.results.digest import fingerprint
from varscore.results.file import ResultReader
from varscore.results.provenance import (
    Provenance,
    ShardEntry,
    check_format,
    damaged,
    parse_json,
)
from varscore.results.records import from_json, to_json
from varscore.results.summary import status_counts
from varscore.results.table import VARIANT_FIELDS
from varscore.variant import Allele, Reason, Reference, Status, Variant

PLAN_FILE = "plan.json"

SHARD_SCHEMA = pa.schema(
    [
        *VARIANT_FIELDS,
        # The variant in its normal form on the genome; null where there is none.
        pa.field("contig", pa.string()),
        pa.field("variant_pos", pa.int64()),
        pa.field("variant_ref", pa.string()),
        pa.field("variant_alt", pa.string()),
        pa.field("variant_reference", pa.string()),
    ]
)


@dataclass(frozen=True)
class ShardPlan:
    """How a VCF was cut: the content of ``plan.json``.

    Attributes
    ----------
    provenance : Provenance
        Of all rows; its options are those that are planned, such as ``region``.
    in_input_order : bool
        Whether the shards, one behind the other, have the rows in the VCF's order. If not,
        the VCF is not sorted, and the shards are.
    shards : tuple of ShardEntry
    warning : str or None
        What the user should look at before anything is scored.
    """

    provenance: Provenance
    in_input_order: bool
    shards: tuple[ShardEntry, ...]
    warning: str | None = None

    @property
    def rows(self) -> int:
        """Alleles in all."""
        return self.provenance.rows

    @property
    def statuses(self) -> dict[str, int]:
        """Alleles of each status."""
        return self.provenance.statuses

    def write(self, folder: str | Path) -> None:
        """Write the plan, which is the last that is written of it.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        facts = to_json(self)
        write_json(Path(folder) / PLAN_FILE, {**facts.pop("provenance"), **facts})

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read a plan.

        Raises
        ------
        OutputError
            If the folder has no whole plan.
        """
        path = Path(folder) / PLAN_FILE
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise OutputError(
                f"{path}: no such file; give the folder that `varscore plan` wrote"
            ) from error
        except OSError as error:
            raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
        facts = parse_json(text, path)
        check_format(facts, path)
        names = ("in_input_order", "shards", "warning")
        own = {name: facts.pop(name) for name in names if name in facts}
        try:
            return from_json(cls, {"provenance": facts, **own})
        except ValueError as error:
            raise damaged(path, error) from error

    def __str__(self) -> str:
        counts = status_counts(self.statuses, self.provenance.reasons)
        noun = "shard" if len(self.shards) == 1 else "shards"
        order = "" if self.in_input_order else "; the VCF is not sorted"
        warning = f"; warning: {self.warning}" if self.warning else ""
        return f"{self.rows:,} rows ({counts}) in {len(self.shards):,} {noun}{order}{warning}"


@dataclass(frozen=True)
class Shard:
    """The table of one shard.

    Attributes
    ----------
    path : Path
    entry : ShardEntry
    provenance : Provenance
        Its options are those of the plan; its digests those of this shard's contigs only.
    """

    path: Path
    entry: ShardEntry
    provenance: Provenance

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read what a shard is; its alleles are read by `alleles`.

        Raises
        ------
        OutputError
            If the file is no whole shard.
        """
        with ResultReader(path) as reader:
            made = reader.provenance()
            is_shard = reader.schema.equals(SHARD_SCHEMA)
        if made.shard is None or made.model is not None or not is_shard:
            raise OutputError(f"{path}: not a shard that `varscore plan` wrote")
        return cls(Path(path), made.shard, made)

    def alleles(self) -> Iterator[Allele]:
        """Read the alleles one by one, with their variants.

        Raises
        ------
        OutputError
            If the file is damaged.
        """
        with ResultReader(self.path) as reader:
            for table in reader.groups():
                columns = [column.to_pylist() for column in table.columns]
                for row in zip(*columns, strict=True):
                    try:
                        allele = _allele(row)
                    except ValueError as error:
                        raise OutputError(
                            f"{self.path}: its rows are damaged ({error}); plan again"
                        ) from error
                    yield allele


def _allele(row: tuple[Any, ...]) -> Allele:
    """Make an allele of a row of a shard; a ValueError if a word is none that is known."""
    chrom, pos, name, ref, alt, record, allele, _, *became = row
    status, reason, contig, start, has, other, taken = became
    variant = None
    if contig is not None:
        variant = Variant(contig, start, has, other, Reference(taken))
    cause = None if reason is None else Reason(reason)
    return Allele(chrom, pos, name, ref, alt, record, allele, Status(status), variant, cause)


def shard_fingerprint(identity: Mapping[str, Any], shard: Shard) -> str:
    """Return the digest of everything that determines a shard's scores.

    Parameters
    ----------
    identity : mapping
        What determines them whatever the shard: version, model, options.
    shard : Shard
    """
    return fingerprint(
        {**identity, "genome": shard.provenance.genome.m5, "variants": shard.entry.variants}
    )


def scored_files(folder: str | Path, plan: ShardPlan) -> Sequence[Path]:
    """Return where a plan's scores are, in the plan's order.

    Parameters
    ----------
    folder : str or Path
        Has the scores of all shards.
    plan : ShardPlan
    """
    return [Path(folder) / entry.file_name for entry in plan.shards]
