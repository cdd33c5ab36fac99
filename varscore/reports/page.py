"""A result as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from varscore.engines import DEFAULT_MEMORY
from varscore.meaning.join import On, joined_columns
from varscore.meaning.listing import plain_columns, told_apart
from varscore.meaning.outcomes import outcomes
from varscore.meaning.overview import along_genome, calibration, heatmap, score_sizes
from varscore.meaning.ranking import By
from varscore.meaning.survey import Survey, survey
from varscore.models.model import Model
from varscore.models.notice import notice
from varscore.pictures.pages.content import Column, Figure, OutcomeRow, Page, Table
from varscore.pictures.pages.render import write_page
from varscore.pictures.pages.target import check_page_target
from varscore.prediction.explanation import CITE
from varscore.reports.cards import row_card
from varscore.reports.places import Place, look_at
from varscore.reports.words import glossary, warnings
from varscore.results.reading import has_scores, read_provenance
from varscore.results.story import command, how_made

_NO_SCORES = (
    "The result has scores of neither tracks nor groups, only the names of each row's "
    "strongest: it is not ranked here. Score with --keep-tracks or --groups for more."
)
CARDS = 20
"""Variants that have a card."""

_HEADS = {
    "rank": "rank", "key": "variant", "id": "ID", "gene_name": "gene", "track": "track",
    "description": "description", "tissue": "tissue", "score": "score",
    "log2_ratio": "log2 ratio", "quantile": "quantile", "corrected": "corrected share",
    "beyond": "tracks beyond 99.9 %", "others": "further tracks",
}  # fmt: skip
"""Columns that are seen, in their order; the download has the others, too."""


def report_page(
    scores: str | Path,
    *,
    statistic: str | None = None,
    tracks: str | Sequence[str] | None = None,
    by: By | None = None,
    background: str | Path | None = None,
    number: int = 100_000,
    shown: int = 3,
    join: str | Path | None = None,
    on: On = "id",
    genome: str | Path | None = None,
    model: Model | None = None,
    genes: str | Path | None = None,
    memory: int = DEFAULT_MEMORY,
) -> Page:
    """Return a result as a page.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    statistic, tracks, by, background, shown
        As of `varscore.meaning.top.top_variants`.
    number : int
        How many of the strongest rows stand in the page's table, at most. Memory grows with
        them, not with the result.
    join : str or Path, optional
        A table of the user's own, whose columns are carried along.
    on : {"id", "key"}
        By which column its rows are found.
    genome : str or Path, optional
        The FASTA that the scores are of: with `model`, profiles are drawn of the strongest
        variants, with `genes`, those near them are named.
    model : Model, optional
        The one that the scores are of.
    genes : str or Path, optional
        A GTF file.
    memory : int
        Bytes that tensors may take.

    Raises
    ------
    VarscoreError
        As `varscore.meaning.survey.survey`, `varscore.meaning.join.join` and
        `varscore.reports.places.look_at`.
    """
    found, name, made = outcomes(scores), Path(scores).name, read_provenance(scores)
    page = Page(
        title=f"Variant effects: {made.vcf}",
        story=tuple(how_made(made, scores)),
        command=command(made, name),
        outcomes=tuple(
            OutcomeRow(
                one.status if one.reason is None else f"{one.status}: {one.reason}",
                one.meaning,
                one.rows,
                tuple(one.examples),
            )
            for one in found
        ),
        cite=CITE,
    )
    if not has_scores(scores):
        said = notice(made.model or {})
        return replace(page, warnings=(*([said] if said else []), _NO_SCORES))
    whole = survey(
        scores,
        statistic=statistic,
        tracks=tracks,
        by=by,
        background=background,
        number=number,
        shown=shown,
    )
    page = replace(page, warnings=tuple(warnings(whole, found, scores)))
    if not whole.scored:
        return page
    joined, count = {}, min(CARDS, len(whole.leading))
    if join is not None:
        names = whole.ranking.column_names
        joined = joined_columns(whole.ranking[on].to_pylist(), join, on, names)
    places = [Place()] * count
    if genome is not None:
        places = look_at(whole, count, genome, model=model, genes=genes, memory=memory)
    return replace(
        page,
        figures=tuple(_figures(whole)),
        table=_table(whole, joined, name),
        cards=tuple(
            row_card(
                whole,
                row,
                joined={column: texts[row] for column, texts in joined.items()},
                genes=place.genes,
                profiles=place.profiles,
            )
            for row, place in enumerate(places)
        ),
        cards_title=f"The {count} strongest variants",
        glossary=tuple(glossary(whole)),
    )


def write_report(
    scores: str | Path, output: str | Path, *, force: bool = False, **options: Any
) -> None:
    """Write a result as a page for a browser.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    output : str or Path
        Its name ends in ``.html``. The page is one file, that asks for nothing from anywhere.
    force : bool
        Replace an existing file.
    **options
        As of `report_page`, such as ``background="background.parquet"``.

    Raises
    ------
    OutputError
        If the file exists, has another suffix or cannot be written.
    VarscoreError
        As `report_page`.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet")
    >>> varscore.write_report("scores.parquet", "report.html")
    """
    check_page_target(output, force=force)
    write_page(output, report_page(scores, **options))


def _table(whole: Survey, joined: Mapping[str, Sequence[str]], name: str) -> Table:
    table, order = whole.ranking, list(_HEADS)
    columns = [
        Column(one.name, None if one.is_empty else _HEADS.get(one.name), *one[1:])
        for one in plain_columns(table)
    ]
    columns += [Column(n, n, "text", *told_apart(texts)) for n, texts in joined.items()]
    columns.sort(key=lambda c: order.index(c.name) if c.name in order else len(order))
    ranked = {"quantile": "how unusual their scores are", "score": "their largest score"}
    note = f"Ranked by {ranked[whole.by]}; the track is the strongest of each."
    if table.num_rows < whole.scored:
        note = (
            f"The {table.num_rows:,} strongest of {whole.scored:,} rows that were scored; "
            f"`varscore top` lists others. {note}"
        )
    return Table(tuple(columns), note, f"{Path(name).stem}.tsv")


def _figures(whole: Survey) -> list[Figure]:
    measure, by_group = whole.columns.measure, heatmap(whole)
    figures = [
        Figure(
            "along",
            "Effects along the genome",
            f"The strongest {measure} of each variant, by position. Where variants lie close, "
            "the strongest rise and fall of each stretch are drawn.",
            along_genome(whole),
        ),
        Figure(
            "heatmap",
            f"The {len(whole.leading)} strongest variants by {by_group['by']}",
            f"Each cell is the track of that {by_group['by']} on which the variant acts most: "
            "violet is more with ALT, orange less.",
            by_group,
        ),
        Figure(
            "sizes",
            "How large scores are",
            "Of all scores on all tracks, the share that is at least so large"
            + (
                ". Where the line of these variants is above the background's, effects are "
                "larger than those of the background's variants."
                if whole.columns.background is not None
                else "; there is no background to compare it with."
            ),
            score_sizes(whole),
        ),
    ]
    if data := calibration(whole):
        figures.append(
            Figure(
                "calibration",
                "How unusual variants are",
                "Were these variants like the background's, both lines would be one. Above the "
                "dashed line there are more unusual ones than in the background.",
                data,
            )
        )
    return figures
