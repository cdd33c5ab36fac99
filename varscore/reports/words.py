"""What a report says in words: what to mind before anything else, and what numbers mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from varscore.meaning.outcomes import Outcome
from varscore.meaning.survey import Survey
from varscore.meaning.units import units
from varscore.models.config import BasenjiConfig
from varscore.models.notice import notice
from varscore.models.tracks import TrackTable
from varscore.results.summary import ScoreSummary
from varscore.results.terms import term_of
from varscore.variant import Status

_MANY_UNSCORED, _MANY_MISMATCHES = 0.05, 0.01
_BIN_WIDTH = 128  # of models whose record does not say

LOG2_RATIO = (
    "log2 ratio",
    "log2((ALT + 1) / (REF + 1)) of the coverage summed over the same bins: 1 is twice as much "
    "with ALT, -1 half as much. Unlike scores it compares between tracks.",
)
QUANTILE = (
    "quantile",
    "Share of the background's variants with a smaller score on that track: 0.0005 is lower, "
    "0.9995 higher than nearly all. It is no p-value.",
)


def warnings(survey: Survey, found: Sequence[Outcome], scores: str | Path) -> list[str]:
    """Return what a reader has to know before any number, the gravest first."""
    return list(_warnings(survey, found, scores))


def _warnings(survey: Survey, found: Sequence[Outcome], scores: str | Path) -> Iterator[str]:
    made, columns = survey.made, survey.columns
    model = made.model or {}
    if said := notice(model):
        yield _sentence(said)
    rows = sum(one.rows for one in found)
    mismatches = sum(one.rows for one in found if one.status == Status.REF_MISMATCH)
    if made.options.get("allow_ref_mismatches"):
        yield (
            "It was not checked whether VCF and genome are of one build "
            "(--allow-ref-mismatches)."
        )
    if rows and mismatches > _MANY_MISMATCHES * rows:
        yield (
            f"REF of {mismatches:,} of {rows:,} rows ({mismatches / rows:.1%}) is not what "
            "the genome has there. Were VCF and genome of different builds, scores of the "
            "others would be wrong, too."
        )
    if rows and rows - survey.scored > _MANY_UNSCORED * rows:
        yield (
            f"{rows - survey.scored:,} of {rows:,} rows ({1 - survey.scored / rows:.1%}) have "
            "no scores: see why below."
        )
    summary = ScoreSummary.load(scores)
    if summary is not None and summary.warning:
        yield _sentence(summary.warning)
    predicted = (model.get("config") or {}).get("n_tracks")
    if (
        predicted
        and len(columns.tracks) < predicted
        and "aggregate" not in survey.tracks.columns
    ):
        yield (
            f"Only {len(columns.tracks):,} of the model's {predicted:,} tracks count here: "
            "what variants do to the others is not told."
        )
    if not columns.has_quantiles:
        yield (
            "There is no background, so it is not told how unusual a score is. Tracks have "
            "different units: that one score is larger than another says little "
            "(`varscore background`)."
        )


def glossary(survey: Survey) -> list[tuple[str, str]]:
    """Return the terms of a report, and what they mean."""
    measure, model = survey.columns.measure, survey.made.model or {}
    statistic, _, width = measure.partition("_")
    bin_width = BasenjiConfig(**model["config"]).bin_width if "config" in model else _BIN_WIDTH
    within = _within(survey, width)
    terms = [
        term(measure, within),
        ("track", "What the model predicts: one experiment, such as DNase of one tissue."),
        ("bin", f"{bin_width} bases, for each of which a track has one number."),
    ]
    if statistic == "SAD":
        terms += unit_terms(survey.tracks, bin_width)
    columns = set(survey.ranking.column_names)
    explained = {
        "log2_ratio": LOG2_RATIO,
        "quantile": QUANTILE,
        "corrected": (
            "corrected share",
            "Share of the background's variants that are as extreme on any track. With many "
            "tracks one is extreme for most variants; this counts that in. It is no p-value.",
        ),
        "beyond": (
            "tracks beyond 99.9 %",
            "Tracks on which the variant is more extreme than 999 of 1,000 of the "
            "background's. "
            + (
                f"Of this many tracks {survey.ranking['expected'][0].as_py():.3g} are expected."
                if "expected" in columns and survey.ranking.num_rows
                else ""
            ),
        ),
    }
    terms += [text for name, text in explained.items() if name in columns]
    return terms


def term(measure: str, within: str) -> tuple[str, str]:
    """Return a measure and what it is.

    Parameters
    ----------
    measure : str
        As columns name it.
    within : str
        Which bins it is taken over, in words.
    """
    return measure, _sentence(f"{term_of(measure).words}, over {within}")


def unit_terms(tracks: TrackTable, bin_width: int) -> list[tuple[str, str]]:
    """Return for each way of measuring what a SAD of 3 means there."""
    return [(f"a SAD of 3: {unit.tracks}", unit.text) for unit in units(tracks, bin_width)]


def _within(survey: Survey, width: str) -> str:
    if survey.made.genes is not None:
        return "the bins of the row's gene"
    around = [str(one) for one in survey.made.options.get("around", ("window",))]
    return bins_within(width or (around[0] if len(around) == 1 else "window"))


def bins_within(width: str) -> str:
    """Say which bins a width has, ``window`` or a number of bases."""
    if width == "window":
        return "all bins that are predicted"
    return f"the bins within {int(width):,} bases of the variant"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
