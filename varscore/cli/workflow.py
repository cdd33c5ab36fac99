"""`varscore plan` and `varscore merge`: the workflow's steps before and after scoring."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from varscore.cli.score import AllowRefMismatches, Force, Genome, MaxAlleleLength, Region, Vcf

# pyarrow and what stands on it are imported where they are used: `varscore --help` is quick.


class OrderName(StrEnum):
    """Orders of a result's rows."""

    INPUT = "input"
    GENOME = "genome"


def plan(
    vcf: Vcf,
    genome: Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the plan.", show_default=False)
    ],
    shards: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many; default: one for every 256 alleles, at most 1,000."
        ),
    ] = None,
    region: Region = None,
    max_allele_length: MaxAlleleLength = 1000,
    allow_ref_mismatches: AllowRefMismatches = False,
    force: Force = False,
) -> None:
    """Read a VCF once and cut it into shards, which `score --shard` scores one by one."""
    from varscore.inputs.htslib import silence
    from varscore.shards.plan import plan_shards

    silence()
    made = plan_shards(
        vcf,
        genome,
        output,
        shards=shards,
        region=region,
        max_allele_length=max_allele_length,
        allow_ref_mismatches=allow_ref_mismatches,
        force=force,
    )
    typer.echo(f"{output}: {made}", err=True)


def merge(
    plan: Annotated[Path, typer.Argument(help="Folder that `plan` wrote.", show_default=False)],
    scores: Annotated[
        Path,
        typer.Argument(
            help="Folder with the shards' scores, named as the shards are.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Parquet file or folder.", show_default=False),
    ],
    order: Annotated[
        OrderName, typer.Option(help="Of the rows: the VCF's, or the genome's.")
    ] = OrderName.INPUT,
    dataset: Annotated[
        bool, typer.Option("--dataset", help="Write a folder of files, for large results.")
    ] = False,
    force: Force = False,
) -> None:
    """Join the scores of all of a plan's shards, and prove that nothing is missing."""
    from varscore.shards.merge import merge_shards

    summary = merge_shards(
        plan, scores, output, order=order.value, dataset=dataset, force=force
    )
    summary.save(output)
    typer.echo(f"{output}: {summary}", err=True)
