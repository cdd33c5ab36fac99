"""Cards: what is said of one variant, as a row of a result or in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from varscore.meaning.effects import Effect
from varscore.meaning.overview import assay_by_tissue, measure_in_words
from varscore.meaning.survey import Survey
from varscore.pictures.pages.content import Card, Effects, Figure
from varscore.prediction.explanation import Explanation
from varscore.reports.links import browser_links
from varscore.variant import Status

_NUMBERS = {
    "score": "score",
    "ref": "REF",
    "alt": "ALT",
    "log2_ratio": "log2 ratio",
    "quantile": "quantile",
    "parts": "sum of parts",
}


def row_card(
    survey: Survey,
    place: int,
    *,
    joined: Mapping[str, str],
    genes: Sequence[Mapping[str, Any]] = (),
    profiles: Iterable[Figure] = (),
) -> Card:
    """Return the card of one of a result's strongest rows.

    Parameters
    ----------
    survey : Survey
    place : int
        0-based, of its `leading`.
    joined : mapping of str to str
        The user's own columns.
    genes : sequence of mapping
        Those near it, the nearest first.
    profiles : iterable of Figure
        Of its strongest tracks.
    """
    leading = survey.leading[place]
    row, judged = leading.row, leading.judged
    facts = [("rank", str(place + 1)), ("ID", row["id"])]
    if row.get("gene_id"):
        facts.append(("gene", row["gene_name"] or row["gene_id"]))
    facts += _unusual(survey, place)
    facts += [(name, text) for name, text in joined.items() if text]
    facts += _near(genes)
    effects = [judged.effect(0, track) for track in leading.strongest]
    figures = [*profiles]
    if len(cells := assay_by_tissue(judged)) > 1:
        data = {"cells": cells, "measure": measure_in_words(survey)}
        figures.append(_dots(data))
    return Card(
        title=row["key"],
        facts=tuple(facts),
        effects=(_effects("strongest tracks", effects),),
        figures=tuple(figures),
        links=_links(survey.made.genome.contigs, row["key"]),
    )


def full_card(
    one: Explanation, lengths: Mapping[str, int], profiles: Iterable[Figure] = ()
) -> Card:
    """Return the card of a variant that was explained.

    Parameters
    ----------
    one : Explanation
    lengths : mapping of str to int
        Of the genome's contigs.
    profiles : iterable of Figure
    """
    facts = [("variant", one.kind), ("ID", one.id), ("status", one.status)]
    facts += [("reason", one.reason)] if one.reason else []
    facts += [("genome", one.context)] if one.context else []
    if one.beyond is not None and one.expected is not None:
        facts.append(("tracks beyond 99.9 %", f"{one.beyond} ({one.expected:.3g} expected)"))
    if one.corrected is not None:
        facts.append(("corrected share", _word(one.corrected)))
    facts += _near(one.genes)
    effects = [
        _effects(f"strongest tracks: {kind}", some) for kind, some in one.classes.items()
    ]
    if one.tissues:
        rows = [(f"{t.name} ({t.tracks:,} tracks)", t.strongest) for t in one.tissues]
        effects.append(_effects("tissues, each with its strongest track", rows))
    return Card(
        title=one.variant,
        facts=tuple(fact for fact in facts if fact[1] != "."),
        notes=one.notes,
        effects=tuple(effects),
        figures=tuple(profiles),
        links=_links(lengths, one.variant) if one.status == Status.SCORED else (),
    )


def _unusual(survey: Survey, place: int) -> list[tuple[str, str]]:
    row = survey.ranking.slice(place, 1).to_pylist()[0]
    facts = []
    if "beyond" in row:
        facts.append(
            ("tracks beyond 99.9 %", f"{row['beyond']} ({row['expected']:.3g} expected)")
        )
    if "corrected" in row:
        facts.append(("corrected share", _word(row["corrected"])))
    return facts


def _near(genes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    names = []
    for gene in genes:
        far = gene["gene_distance"]
        where = "" if far is None else f", {far:,} bases"
        names.append(f"{gene['gene_name'] or gene['gene_id']} ({gene['gene_strand']}{where})")
    return [("genes near it", "; ".join(names))] if names else []


def _dots(data: dict[str, Any]) -> Figure:
    return Figure(
        "dots",
        "Assays by tissues",
        "Each dot is the track of that assay and tissue on which the variant acts most: the "
        "larger the dot, the stronger.",
        data,
    )


def _effects(title: str, rows: Sequence[Effect | tuple[str, Effect]]) -> Effects:
    """Return a table of effects, each perhaps with a name, of the numbers that are known."""
    pairs = [row if isinstance(row, tuple) else ("", row) for row in rows]
    named = any(name for name, _ in pairs)
    known = [n for n in _NUMBERS if any(getattr(e, n) is not None for _, e in pairs)]
    with_tissue = not named and any(e.columns.get("tissue") for _, e in pairs)
    heads = [*(["tissue"] if named else []), "track", "description"]
    heads += ["tissue"] if with_tissue else []
    return Effects(
        title,
        (*heads, *(_NUMBERS[name] for name in known)),
        tuple(
            (
                *([name] if named else []),
                effect.identifier,
                effect.description,
                *([effect.columns.get("tissue", "")] if with_tissue else []),
                *(_word(getattr(effect, number)) for number in known),
            )
            for name, effect in pairs
        ),
        numbers=len(known),
    )


def _links(lengths: Mapping[str, int], key: str) -> tuple[tuple[str, str], ...]:
    contig, pos, ref, _ = key.rsplit(":", 3)
    start = int(pos) - 1
    return browser_links(lengths, contig, start, start + len(ref))


def _word(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:.6g}" if 0.99 < number < 1 else f"{number:.4g}"  # no quantile is 1
