"""`varscore haplotypes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import SCORE, own_option
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH, ScoreOptions


def haplotypes(
    context: typer.Context,
    vcf: Annotated[
        str,
        typer.Argument(
            help="A sorted VCF or BCF with phased genotypes, - for standard input.",
            show_default=False,
        ),
    ],
    *,
    genome: given.Genome,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="VCF to write; .vcf, .vcf.gz and .bcf say which form.",
            show_default=False,
        ),
    ],
    max_span: Annotated[
        int,
        own_option(
            "max_span",
            int,
            "Bases from the first changed base of a haplotype to the last, on the genome and "
            "on the copy.",
            minimum=1,
        ),
    ] = DEFAULT_MAX_ALLELE_LENGTH,
    with_parts: Annotated[
        bool,
        typer.Option("--with-parts", help="Write each allele of a haplotype alone, too."),
    ] = False,
    region: given.Region = SCORE.region,
    regions: given.Regions = None,
    contigs: given.Contigs = None,
    strict: given.Strict = SCORE.strict,
    allow_ref_mismatches: given.AllowRefMismatches = SCORE.allow_ref_mismatches,
    force: given.Force = False,
) -> None:
    """Write what samples carry together on one copy of a chromosome as one allele each.

    The output is a VCF for `score`; INFO has the alleles that make up each haplotype, and
    counts of the copies that carry it.
    """
    options = given.chosen(ScoreOptions, context)
    from varscore.haplotypes.genotypes import silence as silence_cyvcf2
    from varscore.haplotypes.write import write_haplotypes
    from varscore.inputs.htslib import silence

    silence()
    silence_cyvcf2()
    summary = write_haplotypes(
        vcf,
        genome,
        output,
        max_span=max_span,
        with_parts=with_parts,
        force=force,
        options=options,
    )
    typer.echo(f"{output}: {summary}", err=True)
