"""`varscore top`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from varscore.cli import options as given
from varscore.cli.options import own_option

if TYPE_CHECKING:
    from varscore.meaning.effects import Effect, Ranked

By = Literal["score", "quantile"]
On = Literal["id", "key"]


def top(
    context: typer.Context,
    scores: Annotated[
        Path,
        typer.Argument(help="A result: a Parquet file or a folder.", show_default=False),
    ],
    *,
    number: Annotated[
        int, own_option("number", int, "How many variants.", default=50, minimum=1, short="-n")
    ] = 50,
    statistic: Annotated[
        str | None,
        typer.Option(help="Of the result's statistics.", show_default="its first"),
    ] = None,
    by: Annotated[
        By | None,
        own_option(
            "by",
            By | None,
            "What makes a variant strong: its largest score, or how unusual it is.",
            unset="quantile if there is a background",
        ),
    ] = None,
    background: given.BackgroundFile = None,
    tissue: given.Tissue = None,
    assay: given.Assay = None,
    tracks: given.Tracks = None,
    shown: Annotated[
        int, own_option("shown", int, "How many tracks of each to show.", default=3, minimum=1)
    ] = 3,
    join: Annotated[
        Path | None,
        typer.Option(
            help="Table of your own, whose columns are carried along.", show_default="none"
        ),
    ] = None,
    on: Annotated[
        On, own_option("on", On, "Column by which its rows are found.", default="id")
    ] = "id",
    haplotypes: Annotated[
        Path | None,
        typer.Option(
            help="VCF of `haplotypes --with-parts` that was scored: scores beside the sums of "
            "their parts'.",
            show_default="none",
        ),
    ] = None,
    tsv: Annotated[bool, typer.Option("--tsv", help="Print a table with tabs.")] = False,
    as_json: given.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write: .tsv, .json or .parquet.", show_default=False
        ),
    ] = None,
    force: given.Force = False,
) -> None:
    """Show the strongest variants of a result, and the tracks where they act.

    A quantile is the share of the background's variants with a smaller score; it is no
    p-value.
    """
    if tsv + as_json + (output is not None) > 1:
        context.fail("give one of --tsv, --json and --output")
    if tracks is not None and (tissue or assay):
        context.fail("--tissue and --assay are terms of --tracks: tissue=liver & assay=DNASE")
    terms = {"tissue": tissue, "assay": assay}
    chosen = " & ".join(f"{name}={value}" for name, value in terms.items() if value)
    from varscore.meaning import listing
    from varscore.meaning.join import join as joined
    from varscore.meaning.top import top_variants
    from varscore.models.notice import notice
    from varscore.results.reading import read_metadata

    if output is not None:
        listing.check_listing(output, force=force)
    found = top_variants(
        scores,
        statistic=statistic,
        tracks=tracks or chosen or None,
        by=by,
        background=background,
        number=number,
        shown=shown,
        haplotypes=haplotypes,
    )
    if warning := notice(read_metadata(scores)["model"]):
        typer.echo(warning, err=True)
    if join is not None:
        found = joined(found, join, on)
    if output is not None:
        listing.write_listing(output, found, scores, force=force)
        typer.echo(f"{output}: {len(found)} variants", err=True)
    elif tsv:
        typer.echo(listing.to_tsv(found), nl=False)
    elif as_json:
        typer.echo(listing.to_json(found))
    else:
        _print(found)


def _print(found: Sequence[Ranked]) -> None:
    """Print a table for people: a line a variant and track."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        typer.echo("no row of this result was scored")
        return
    first = found[0]
    judged = first.beyond is not None
    heads = ["rank", "id", "variant", "track", "description", "tissue", "score"]
    parts = any(effect.parts is not None for one in found for effect in one.effects)
    heads += ["sum of parts"] if parts else []
    heads += ["log2 ratio"] if first.effects[0].log2_ratio is not None else []
    heads += ["quantile", "corrected", "tracks beyond 99.9 %"] if judged else []
    heads += list(first.joined or ())
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        numbers = head in (
            "rank",
            "score",
            "sum of parts",
            "log2 ratio",
            "quantile",
            "corrected",
        )
        table.add_column(head, justify="right" if numbers else "left", overflow="fold")
    for one in found:
        for place, effect in enumerate(one.effects):
            cells = _cells(one, effect, first=place == 0, parts=parts)
            table.add_row(*map(Text, cells))
    wide = None if sys.stdout.isatty() else 200
    Console(width=wide, highlight=False).print(table)
    if judged:
        typer.echo(
            f"expected beyond the 99.9th percentile: {first.expected:.3g} tracks a variant. "
            "Quantiles are of the background's variants; they are no p-values."
        )


def _cells(one: Ranked, effect: Effect, *, first: bool, parts: bool) -> list[str]:
    gene = one.row.get("gene_name")
    variant = f"{one.row['key']}" + (f" ({gene})" if gene else "")
    cells = [str(one.rank), str(one.row["id"]), variant] if first else ["", "", ""]
    cells += [effect.identifier, effect.description, effect.columns.get("tissue", "")]
    cells.append(f"{effect.score:.4g}")
    if parts:
        cells.append("" if effect.parts is None else f"{effect.parts:.4g}")
    if effect.log2_ratio is not None:
        cells.append(f"{effect.log2_ratio:.3g}")
    if effect.quantile is not None:
        cells.append(f"{effect.quantile:.5g}")
        corrected = "" if one.corrected is None else f"{one.corrected:.3g}"
        cells += [corrected, str(one.beyond)] if first else ["", ""]
    return [*cells, *((one.joined or {}).values() if first else [""] * len(one.joined or {}))]
