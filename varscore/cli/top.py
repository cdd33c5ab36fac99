"""`varscore top`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
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
    from varscore.results.reading import first_measure, opened_results, read_metadata

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
        with closing(opened_results(scores)) as files:
            first = next(files)
            _print(found, statistic or first_measure(first.path, first.schema))


# A head, what stands below it, and whether that is said once a variant.
_Column = tuple[str, Callable[["Ranked", "Effect"], object], bool]


def _name(one: Ranked, effect: Effect) -> str:
    gene = one.row.get("gene_name") or one.row.get("gene_id")
    return f"{one.row['key']}" + (f" ({gene})" if gene else "")


_COLUMNS: tuple[_Column, ...] = (
    ("rank", lambda one, effect: one.rank, True),
    ("id", lambda one, effect: one.row["id"], True),
    ("variant", _name, True),
    ("track", lambda one, effect: effect.identifier, False),
    ("description", lambda one, effect: effect.description, False),
    ("tissue", lambda one, effect: effect.columns.get("tissue"), False),
    ("score", lambda one, effect: effect.score, False),
    ("sum of parts", lambda one, effect: effect.parts, False),
    ("log2 ratio", lambda one, effect: effect.log2_ratio, False),
    ("quantile", lambda one, effect: effect.quantile, False),
    ("corrected", lambda one, effect: one.corrected, True),
    ("tracks beyond 99.9 %", lambda one, effect: one.beyond, True),
)


def _print(found: Sequence[Ranked], statistic: str) -> None:
    """Print a table for people: a line a variant and track, of the columns that are known.

    In it, scores stand under the name of their statistic.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        typer.echo("no row of this result was scored")
        return
    lines = [
        [value(one, effect) if place == 0 or not once else None for _, value, once in _COLUMNS]
        + [text if place == 0 else None for text in (one.joined or {}).values()]
        for one in found
        for place, effect in enumerate(one.effects)
    ]
    named = {"score": statistic}
    heads = [named.get(head, head) for head, _, _ in _COLUMNS] + [*(found[0].joined or ())]
    columns = [
        (head, values)
        for head, values in zip(heads, zip(*lines, strict=True), strict=True)
        if any(value is not None for value in values)
    ]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head, values in columns:
        right = any(isinstance(value, int | float) for value in values)
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for line in zip(*(values for _, values in columns), strict=True):
        table.add_row(*(Text(_word(value)) for value in line))
    wide = None if sys.stdout.isatty() else 200
    Console(width=wide, highlight=False).print(table)
    if found[0].expected is not None:
        expected = f"{found[0].expected:.3g} tracks a variant"
        typer.echo(f"expected beyond the 99.9th percentile: {expected}")
    if found[0].corrected is not None:
        typer.echo("Quantiles are of the background's variants; they are no p-values.")


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if 0.99 < value < 1 else f"{value:.4g}"  # no quantile is 1
    return "" if value is None else str(value)
