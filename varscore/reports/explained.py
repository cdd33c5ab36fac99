"""A variant that was explained, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from varscore.inputs.genome import ReferenceGenome
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.pictures.pages.content import Figure, Page
from varscore.prediction.explanation import Explanation
from varscore.prediction.profile import predict_variant
from varscore.reports.cards import full_card
from varscore.reports.places import profile_figures
from varscore.reports.words import LOG2_RATIO, QUANTILE, bins_within, term, unit_terms

_PROFILES = 4


def explained_page(
    found: Sequence[Explanation],
    genome: str | Path,
    model: Model,
    options: ScoreOptions,
    memory: int,
) -> Page:
    """Return the alleles of a record as a page.

    Parameters
    ----------
    found : sequence of Explanation
        At least one.
    genome : str or Path
    model : Model
    options : ScoreOptions
        With which they were explained.
    memory : int
        Bytes that tensors may take, for the profiles.

    Raises
    ------
    VarscoreError
        If genome or options cannot be used.
    """
    shared = [note for note in found[0].notes if all(note in one.notes for one in found)]
    found = [
        replace(one, notes=tuple(note for note in one.notes if note not in shared))
        for one in found
    ]
    with ReferenceGenome(genome) as reference:
        cards = tuple(
            full_card(one, reference.lengths, _profiles(one, reference, model, options, memory))
            for one in found
        )
    made = [
        f"{name}: {', '.join(value) if isinstance(value, list) else value}"
        for name, value in found[0].made.items()
        if value is not None
    ]
    ranked = [f"Effects are ranked by {found[0].ranked_by}."] if found[0].ranked_by else []
    return Page(
        title=" and ".join(one.variant for one in found),
        warnings=tuple(shared),
        story=(f"Made with {'; '.join(made)}.", *ranked),
        cards=cards,
        cards_title="What it does",
        glossary=(
            term("SAD", bins_within(str(options.around[0]))),
            LOG2_RATIO,
            QUANTILE,
            *unit_terms(model.tracks, model.config.bin_width),
        ),
        cite=found[0].cite,
    )


def _profiles(
    one: Explanation,
    genome: ReferenceGenome,
    model: Model,
    options: ScoreOptions,
    memory: int,
) -> tuple[Figure, ...]:
    """Return the profiles of the strongest tracks of some classes."""
    strongest = [effects[0].identifier for effects in one.classes.values()][:_PROFILES]
    if not strongest:
        return ()
    wanted = replace(options, tracks=tuple(strongest))
    profile = predict_variant(one.variant, genome, model=model, memory=memory, options=wanted)
    return profile_figures(profile, strongest)
