"""What a VCF was cut into, so that many processes can score it.

A plan is a folder: tables ``0001.parquet``, ... with the alleles of one shard each, and
``plan.json``, which says what there is. `varscore.shards.plan` makes it; whoever scores a shard
never sees the VCF.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from varscore.errors import OutputError
from varscore.results.digest import fingerprint
from varscore.results.file import file_metadata, open_result, reading
from varscore.results.table import VARIANT_FIELDS
from varscore.variant import Allele, Status, Variant

PLAN_FILE = "plan.json"

SHARD_SCHEMA = pa.schema(
    [
        *VARIANT_FIELDS,
        # The variant in its normal form on the genome; null where there is none.
        pa.field("contig", pa.string()),
        pa.field("variant_pos", pa.int64()),
        pa.field("variant_ref", pa.string()),
        pa.field("variant_alt", pa.string()),
    ]
)


@dataclass(frozen=True)
class ShardEntry:
    """What a plan says of one of its shards.

    Attributes
    ----------
    number : int
        1-based.
    rows : int
        Alleles in it, which may be none.
    statuses : dict of str to int
        Alleles of each status.
    contigs : list of (str, int)
        Its rows lie on these contigs, in this order, so many on each; under the FASTA's
        name, or the VCF's where the FASTA has no such contig.
    variants : str
        Digest of its rows.
    """

    number: int
    rows: int
    statuses: dict[str, int]
    contigs: list[tuple[str, int]]
    variants: str

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Return the entry that was written as JSON, which knows no tuples."""
        return cls(**{**facts, "contigs": [(name, rows) for name, rows in facts["contigs"]]})

    @property
    def file_name(self) -> str:
        """Name of its table in the plan's folder, and of its scores in theirs."""
        return f"{self.number:04d}.parquet"


@dataclass(frozen=True)
class ShardPlan:
    """How a VCF was cut: the content of ``plan.json``.

    Attributes
    ----------
    version : str
        Of varscore.
    vcf : str
        The VCF's file name.
    genome : dict
        ``file``, ``contigs`` (name to length) and ``m5`` (digests of the contigs with
        variants to score, by name).
    options : dict
        ``region``, ``max_allele_length`` and ``allow_ref_mismatches``.
    rows : int
        Alleles in all.
    statuses : dict of str to int
        Alleles of each status.
    in_input_order : bool
        Whether the shards, one behind the other, have the rows in the VCF's order. If not,
        the VCF is not sorted, and the shards are.
    shards : tuple of ShardEntry
    """

    version: str
    vcf: str
    genome: dict[str, Any]
    options: dict[str, Any]
    rows: int
    statuses: dict[str, int]
    in_input_order: bool
    shards: tuple[ShardEntry, ...]

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
            facts = json.loads(path.read_text(encoding="utf-8"))
            shards = tuple(ShardEntry.from_json(entry) for entry in facts.pop("shards"))
            return cls(**facts, shards=shards)
        except FileNotFoundError as error:
            raise OutputError(
                f"{path}: no such file; give the folder that `varscore plan` wrote"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{path}: not a plan of this version of varscore ({error}); "
                "run `varscore plan` again"
            ) from error

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {status}" for status, n in self.statuses.items())
        noun = "shard" if len(self.shards) == 1 else "shards"
        order = "" if self.in_input_order else "; the VCF is not sorted"
        return f"{self.rows:,} rows ({counts}) in {len(self.shards):,} {noun}{order}"


@dataclass(frozen=True)
class Shard:
    """The table of one shard.

    Attributes
    ----------
    path : Path
    entry : ShardEntry
    vcf : str
        The VCF's file name.
    genome : dict
        As in `ShardPlan`; ``m5`` has this shard's contigs only.
    options : dict
        As in `ShardPlan`.
    """

    path: Path
    entry: ShardEntry
    vcf: str
    genome: dict[str, Any]
    options: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read what a shard is; its alleles are read by `alleles`.

        Raises
        ------
        OutputError
            If the file is no whole shard.
        """
        path = Path(path)
        with open_result(path) as parquet:
            facts = file_metadata(parquet)
        if "shard" not in facts or "model" in facts:
            raise OutputError(f"{path}: not a shard that `varscore plan` wrote")
        entry = ShardEntry.from_json(facts["shard"])
        return cls(path, entry, facts["vcf"], facts["genome"], facts["options"])

    def alleles(self) -> Iterator[Allele]:
        """Read the alleles one by one, with their variants.

        Raises
        ------
        OutputError
            If the file is damaged.
        """
        with open_result(self.path) as parquet:
            for group in range(parquet.num_row_groups):
                with reading(self.path):
                    table = parquet.read_row_group(group)
                columns = [column.to_pylist() for column in table.columns]
                for row in zip(*columns, strict=True):
                    chrom, pos, name, ref, alt, record, allele, _, status, *normal = row
                    variant = None if normal[0] is None else Variant(*normal)
                    yield Allele(
                        chrom, pos, name, ref, alt, record, allele, Status(status), variant
                    )


def shard_fingerprint(identity: Mapping[str, Any], shard: Shard) -> str:
    """Return the digest of everything that determines a shard's scores.

    Parameters
    ----------
    identity : mapping
        What determines them whatever the shard: version, model, options.
    shard : Shard
    """
    return fingerprint(
        {**identity, "genome": shard.genome["m5"], "variants": shard.entry.variants}
    )


def scored_files(folder: str | Path, plan: ShardPlan) -> Sequence[Path]:
    """Return where a plan's scores are, in the plan's order."""
    return [Path(folder) / entry.file_name for entry in plan.shards]
