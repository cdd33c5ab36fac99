"""How a table came about: a typed record that is written into every file of varscore's.

It stands in results, in the shards of a plan and in the plan itself, as JSON, and is read
back by name. What is not known yet is absent: a plan knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from varscore.errors import OutputError
from varscore.results.records import from_json, to_json
from varscore.version import __version__

FORMAT = 1
"""Version of the record: it grows when a field changes its meaning, appears or goes."""


@dataclass(frozen=True)
class Arithmetic:
    """How numbers were computed, and where.

    Attributes
    ----------
    engine : str
        "auto", "incremental" or "two-pass".
    kernel : str
        Name of the kernel of float32 matrix products.
    differences : str
        In what differences between alleles are multiplied: "float32", "bfloat16" or
        "float64".
    reference_projection : str
        The same of the reference's last projection.
    filtered_trunk : bool
        Whether convolutions of the trunk are computed with fewer products.
    device : str
        "cpu" or "cuda".
    processor : str
        Name of the model; several, of a merged result, are joined by "; ".
    """

    engine: str
    kernel: str
    differences: str
    reference_projection: str
    filtered_trunk: bool
    device: str
    processor: str

    @property
    def kind(self) -> Self:
        """The same without its processor: equal for machines that compute alike."""
        return replace(self, processor="")


@dataclass(frozen=True)
class GenomeRecord:
    """Which genome it was.

    Attributes
    ----------
    file : str
        Name of the FASTA.
    contigs : dict of str to int
        Lengths of all contigs.
    m5 : dict of str to str
        Digests of the contigs with variants to score.
    """

    file: str
    contigs: dict[str, int]
    m5: dict[str, str]


@dataclass(frozen=True)
class GeneRecord:
    """Of which genes there are rows.

    Attributes
    ----------
    file : str
        Name of the GTF file.
    sha256 : str
        Of the file.
    """

    file: str
    sha256: str


@dataclass(frozen=True)
class BackgroundEntry:
    """Of which background quantiles are.

    Attributes
    ----------
    file : str
        Name of the background's file.
    sha256 : str
        Of the file.
    """

    file: str
    sha256: str


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
    contigs : tuple of (str, int)
        Its rows lie on these contigs, in this order, so many on each; under the FASTA's
        name, or the VCF's where the FASTA has no such contig.
    variants : str
        Digest of its rows.
    """

    number: int
    rows: int
    statuses: dict[str, int]
    contigs: tuple[tuple[str, int], ...]
    variants: str

    @property
    def file_name(self) -> str:
        """Name of its table in the plan's folder, and of its scores in theirs."""
        return f"{self.number:04d}.parquet"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a table came about.

    Attributes
    ----------
    format : int
        Version of this record.
    version : str
        Of varscore.
    model : dict, optional
        ``name``, ``sha256``, ``config``, ``activation`` and what else a model says of itself.
    genome : GenomeRecord
    vcf : str
        The VCF's file name.
    options : dict
        The fields of `varscore.options.ScoreOptions`; of a plan those that it settles.
    engine : Arithmetic, optional
    torch : str, optional
        Version of PyTorch.
    rows : int
        Of the table: alleles, or with genes one for each of an allele's genes.
    statuses : dict of str to int
        Rows of each status.
    reasons : dict of str to int
        Alleles whose REF mismatches, by what the genome has there.
    genes : GeneRecord, optional
        Where there is a row for each gene.
    background : BackgroundEntry, optional
        Where there are quantiles.
    shard : ShardEntry, optional
        Where the table is a shard.
    fingerprint : str, optional
        Digest of everything that determines a scored shard's scores.
    """

    format: int = FORMAT
    version: str = __version__
    model: dict[str, Any] | None = None
    genome: GenomeRecord
    vcf: str
    options: dict[str, Any]
    engine: Arithmetic | None = None
    torch: str | None = None
    rows: int
    statuses: dict[str, int]
    reasons: dict[str, int]
    genes: GeneRecord | None = None
    background: BackgroundEntry | None = None
    shard: ShardEntry | None = None
    fingerprint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record, JSON-ready; what is not known is left out."""
        return to_json(self)

    @classmethod
    def from_json(cls, facts: Any, file: str | Path) -> Self:
        """Return a record that was read.

        Parameters
        ----------
        facts : object
            What the JSON was.
        file : str or Path
            Where it stood, for messages.

        Raises
        ------
        OutputError
            If it is damaged, or of a later version of varscore.
        """
        check_format(facts, file)
        try:
            return from_json(cls, facts)
        except ValueError as error:
            raise damaged(file, error) from error


def check_format(facts: Any, file: str | Path) -> None:
    """Refuse a record of another version than this one's.

    Parameters
    ----------
    facts : object
        What the JSON was.
    file : str or Path
        Where it stood, for messages.

    Raises
    ------
    OutputError
        If it is of a later version, or says none.
    """
    found = facts.get("format") if isinstance(facts, Mapping) else None
    if type(found) is not int or found < 1:
        raise damaged(file, f"it has no format, expected {FORMAT}")
    if found > FORMAT:
        raise OutputError(
            f"{file}: its record is of format {found}, and this varscore ({__version__}) reads "
            f"up to {FORMAT}; use the version that wrote it, or a newer one"
        )


def head_of(kind: str) -> dict[str, Any]:
    """Return how the record of anything but a result or a plan begins, JSON-ready.

    Parameters
    ----------
    kind : str
        What it is a record of.
    """
    return {"format": FORMAT, "kind": kind, "version": __version__}


def parse_json(text: bytes | str, file: str | Path) -> Any:
    """Read JSON that varscore wrote.

    Parameters
    ----------
    text : bytes or str
    file : str or Path
        Where it stood, for messages.

    Raises
    ------
    OutputError
        If it is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged(file, error) from error


def no_scores(file: str | Path) -> OutputError:
    """Return the error for a shard of a plan in the place of a result.

    Parameters
    ----------
    file : str or Path
    """
    return OutputError(
        f"{file}: a shard of a plan, not its scores; score it with `varscore score --shard`"
    )


def damaged(file: str | Path, reason: object) -> OutputError:
    """Return the error for a record that is no record.

    Parameters
    ----------
    file : str or Path
        Where it stands.
    reason : object
        What is wrong with it.
    """
    return OutputError(
        f"{file}: its record of how it was made is damaged ({reason}); make it again"
    )
