"""What can be seen of the strongest variants on their genome: profiles, and genes near them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varscore.errors import GenomeError, ModelError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genes import chosen_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.meaning.survey import Leading, Survey
from varscore.models.config import BasenjiConfig
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.pictures.pages.content import Figure
from varscore.prediction.profile import Profiler
from varscore.results.profile import Profile
from varscore.results.provenance import Provenance
from varscore.variant import Allele
from varscore.windows import genes_near, windowing_for

_BINS = 20  # to either side of the variant
_GENES = 5
# Of a result's options, those that decide which alleles there are and where windows lie.
_COUNT = (
    "windows", "indels", "reverse_complement", "shifts", "swapped", "max_allele_length",
    "contigs",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What is known of a variant's place.

    Attributes
    ----------
    profiles : tuple of Figure
        Of its strongest tracks.
    genes : tuple of dict
        Those with a start site in what is predicted, the nearest first.
    """

    profiles: tuple[Figure, ...] = ()
    genes: tuple[dict[str, Any], ...] = ()


def look_at(
    survey: Survey,
    number: int,
    genome: str | Path,
    *,
    model: Model | None,
    genes: str | Path | None,
    memory: int,
) -> list[Place]:
    """Look at the strongest variants of a result on their genome.

    Parameters
    ----------
    survey : Survey
    number : int
        Of how many variants.
    genome : str or Path
        The FASTA that the scores are of.
    model : Model or None
        The one that the scores are of, for profiles.
    genes : str, Path or None
        A GTF file.
    memory : int
        Bytes that tensors may take.

    Returns
    -------
    list of Place
        One a variant.

    Raises
    ------
    ModelError, GenomeError
        If it is another model or genome than the scores'.
    VarscoreError
        If genome or genes cannot be read.
    """
    made, rows = survey.made, survey.leading[:number]
    if model is not None:
        _check_model(made, model)
    options = ScoreOptions(**{n: made.options[n] for n in _COUNT if n in made.options})
    with ReferenceGenome(genome) as reference:
        _check_genome(made, reference, rows)
        alleles = _alleles(rows, reference, options)
        places = [Place(genes=near) for near in _near(alleles, reference, made, options, genes)]
        # Of groups of tracks, no single one is predicted.
        if model is None or "aggregate" in survey.columns.tracks.columns:
            return places
        identifiers = survey.columns.tracks.identifiers
        strongest = [[identifiers[track] for track in row.strongest] for row in rows]
        wanted = replace(options, tracks=tuple(dict.fromkeys(chain.from_iterable(strongest))))
        # By the result's own names of tracks, whatever table they are from.
        named = replace(model, tracks=survey.columns.tracks)
        profiles = Profiler(reference, named, wanted, memory).profiles(alleles)
        return [
            replace(place, profiles=profile_figures(profile, tracks))
            for place, tracks, profile in zip(places, strongest, profiles, strict=True)
        ]


def profile_figures(profile: Profile, tracks: Sequence[str]) -> tuple[Figure, ...]:
    """Return a figure of each of some of a profile's tracks, near the variant.

    Parameters
    ----------
    profile : Profile
    tracks : sequence of str
        Identifiers.
    """
    width = int(profile.ends[0] - profile.starts[0])
    near = profile.around(_BINS * width)
    places = {name: place for place, name in enumerate(profile.tracks)}
    return tuple(
        Figure(
            "profile",
            profile.track_table.descriptions[places[name]],
            f"Predicted coverage of track {name} near the variant, with either allele.",
            {
                "contig": profile.contig,
                "pos": profile.pos,
                "starts": near.starts.tolist(),
                "width": width,
                "reference": _values(near, near.reference[:, places[name]]),
                "alternate": _values(near, near.alternate[:, places[name]]),
            },
        )
        for name in tracks
    )


def _values(profile: Profile, values: NDArray[np.floating[Any]]) -> list[float | None]:
    """Return values of bins, None where the contig has no base."""
    return [
        float(f"{value:.5g}") if there else None
        for value, there in zip(values.tolist(), profile.on_contig.tolist(), strict=True)
    ]


def _alleles(
    rows: Sequence[Leading], genome: ReferenceGenome, options: ScoreOptions
) -> list[Allele]:
    if not rows:
        return []
    written = [
        ":".join(str(row.row[n]) for n in ("chrom", "pos", "ref", "alt")) for row in rows
    ]
    with AlleleSource(written, genome, options) as source:
        return list(source)


def _near(
    alleles: Sequence[Allele],
    genome: ReferenceGenome,
    made: Provenance,
    options: ScoreOptions,
    gtf: str | Path | None,
) -> list[tuple[dict[str, Any], ...]]:
    """Return the genes near each allele, none where none are asked for."""
    genes = chosen_genes(replace(options, genes=gtf), genome) if gtf is not None else None
    if genes is None:
        return [()] * len(alleles)
    config = BasenjiConfig(**(made.model or {})["config"])
    windowing, found = windowing_for(options, config), []
    for allele in alleles:
        assert allele.variant is not None
        near = [row for row, _ in genes_near(genes, allele.variant, windowing, config)]
        near.sort(key=lambda one: (one.gene_distance is None, one.gene_distance or 0))
        found.append(tuple(row._asdict() for row in near[:_GENES]))
    return found


def _check_model(made: Provenance, model: Model) -> None:
    scored = made.model or {}
    if model.sha256 != scored.get("sha256"):
        raise ModelError(
            f"model {model.metadata['name']}: is not the one of the scores "
            f"({scored.get('name')}, SHA-256 {scored.get('sha256')}); give that, or no --model"
        )


def _check_genome(made: Provenance, genome: ReferenceGenome, rows: Sequence[Leading]) -> None:
    if genome.lengths != made.genome.contigs:
        found = "its contigs, or their lengths, differ"
    else:
        digests = genome.digest(made.genome.m5) if rows else {}
        other = [
            contig for contig, digest in digests.items() if digest != made.genome.m5[contig]
        ]
        if not other:
            return
        found = f"contig {other[0]} has other bases"
    raise GenomeError(
        f"{genome.path}: is not the genome of the scores ({made.genome.file}): {found}; give "
        "that, or no --genome"
    )
