"""A variant that was explained, as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from varscore.models.tracks import TrackTable
from varscore.pictures.pages.content import Figure, Page
from varscore.prediction.explanation import Explanation
from varscore.reports.cards import full_card
from varscore.reports.places import profile_figures
from varscore.reports.words import unit_terms
from varscore.results.profile import Profile

_PROFILES = 4


def explained_page(
    found: Sequence[Explanation],
    lengths: Mapping[str, int],
    tracks: TrackTable,
    bin_width: int,
    profiles: Iterable[Profile] = (),
) -> Page:
    """Return the alleles of a record as a page.

    Parameters
    ----------
    found : sequence of Explanation
        At least one.
    lengths : mapping of str to int
        Of the genome's contigs.
    tracks : TrackTable
        With how they were measured, where that is known.
    bin_width : int
    profiles : iterable of Profile
        Of the alleles that were scored, in their order.
    """
    given = iter(profiles)
    cards = []
    for one in found:
        figures: tuple[Figure, ...] = ()
        if one.classes and (profile := next(given, None)) is not None:
            first = [effects[0].identifier for effects in one.classes.values()]
            figures = profile_figures(profile, first[:_PROFILES])
        cards.append(full_card(one, lengths, figures))
    made = [
        f"{name}: {', '.join(value) if isinstance(value, list) else value}"
        for name, value in found[0].made.items()
        if value is not None
    ]
    ranked = [f"Effects are ranked by {found[0].ranked_by}."] if found[0].ranked_by else []
    return Page(
        title=" and ".join(one.variant for one in found),
        story=(f"Made with {'; '.join(made)}.", *ranked),
        cards=tuple(cards),
        cards_title="What it does",
        glossary=(
            ("SAD", "Sum of the predicted coverage with ALT, less that with REF."),
            ("log2 ratio", "log2((ALT + 1) / (REF + 1)) of the summed coverage."),
            (
                "quantile",
                "Share of the background's variants with a smaller score; it is no p-value.",
            ),
            *unit_terms(tracks, bin_width),
        ),
        cite=found[0].cite,
    )
