"""One variant, in full: what it is, what it does to which tracks, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from varscore.engines import DEFAULT_MEMORY
from varscore.errors import VcfError
from varscore.inputs.alleles import AlleleSource, shorten
from varscore.inputs.contigs import ContigNames
from varscore.inputs.genes import Genes, chosen_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given, check_one
from varscore.meaning.background import Background
from varscore.meaning.effects import Columns, Effect, Judged
from varscore.meaning.ranking import BEYOND
from varscore.models.model import Model
from varscore.options import ScoreOptions, StatisticName
from varscore.scoring import Scorer
from varscore.variant import Allele, Interval, Reason, Reference, Status, Variant
from varscore.version import __version__
from varscore.windows import Windowing, genes_near, windowing_for

STATISTICS: tuple[StatisticName, ...] = ("SAD", "REF", "ALT")
"""What is scored: the difference, and both of what it is between."""

CITE = (
    "Kelley DR (2020) Cross-species regulatory sequence activity prediction. "
    "PLoS Computational Biology 16(7): e1008050",
    f"varscore {__version__}",
)
"""What to cite: the model, and this."""
_FLANK = 10  # bases of the genome that are shown to either side
_GENES = 10


@dataclass(frozen=True)
class Tissue:
    """What a variant does in one tissue.

    Attributes
    ----------
    name : str
    tracks : int
        How many there are of it.
    strongest : Effect
    """

    name: str
    tracks: int
    strongest: Effect


@dataclass(frozen=True)
class Explanation:
    """What can be said of one allele.

    Attributes
    ----------
    variant, id : str
        ``chrom:pos:ref:alt`` in normal form, and the VCF's name for it.
    kind : str
        In words.
    status : str
    reason : str or None
        What the genome has where REF mismatches.
    context : str or None
        The genome around it, with the change in brackets.
    classes : dict of str to tuple of Effect
        The strongest effects on each class of tracks; empty unless it was scored.
    tissues : tuple of Tissue
        The most affected first.
    ranked_by : str
        By what effects and tissues are ranked.
    corrected : float or None
        The share of the background's variants with as extreme an effect on any track.
    beyond, expected : int, float or None
        Tracks beyond the background's 99.9th percentile, and how many these are on average.
    genes : tuple of dict
        Those with a start site in what is predicted, the nearest first.
    notes : tuple of str
        What is unusual.
    made : dict of str to object
        Model, genome and options.
    cite : tuple of str
    """

    variant: str
    id: str
    kind: str
    status: str
    reason: str | None = None
    context: str | None = None
    classes: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    tissues: tuple[Tissue, ...] = ()
    ranked_by: str = ""
    corrected: float | None = None
    beyond: int | None = None
    expected: float | None = None
    genes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    made: dict[str, Any] = field(default_factory=dict)
    cite: tuple[str, ...] = CITE

    def to_json(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def explain(
    variant: str,
    genome: str | Path,
    *,
    vcf: Given | None = None,
    model: str | Path | Model = "basenji2",
    shown: int = 5,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
    **option: Any,
) -> list[Explanation]:
    """Say of one variant all that the model, and what is known of its tracks, say.

    Parameters
    ----------
    variant : str
        Such as ``chr1:12345:A:G``; or with `vcf` the name of one of its records.
    genome : str or Path
        FASTA of the variant's build.
    vcf : Given, optional
        Where to look for the name.
    model : str, Path or Model
    shown : int
        How many tracks of each class.
    memory : int
        Bytes that the engine's tensors may take.
    options : ScoreOptions, optional
        Its statistics do not count, and of several widths the first does. With `genes`, the
        nearest are named; with `background`, it is told how unusual effects are.
    **option
        Single fields of `ScoreOptions`, in place of `options`, such as ``tracks="DNASE"``.

    Returns
    -------
    list of Explanation
        One for each ALT of the record.

    Raises
    ------
    VarscoreError
        If the input, the model, the background or the options cannot be used.
    """
    if options is not None and option:
        raise TypeError("give `options` or single options, not both")
    given = options or ScoreOptions(**option)
    wanted = replace(
        given, statistics=STATISTICS, around=given.around[:1], groups=None, top_tracks=0
    )
    options = replace(wanted, genes=None, gene_bins="tss", tss_width=0, background=None)
    known = None if given.background is None else Background.read(given.background)
    with ReferenceGenome(genome) as reference:
        alleles, names = _alleles(variant, vcf, reference, options)
        scorer = Scorer(reference, model, options, memory)
        genes = chosen_genes(wanted, reference)
        windowing = windowing_for(options, scorer.model.config)
        for allele in alleles:
            if allele.variant is not None:
                scorer.refuse(allele.variant)
        held = scorer.held(alleles, vcf=variant)
        assert held.provenance is not None
        columns = Columns.of(variant, held.table.schema, held.provenance, "SAD", None, known)
        found = []
        for row, allele in enumerate(alleles):
            about = Explanation(
                variant=allele.key,
                id=allele.id,
                kind=_kind(allele),
                status=allele.status.value,
                reason=None if allele.reason is None else allele.reason.value,
                notes=tuple(_notes(allele, scorer, windowing)),
                made=_made(scorer, known),
            )
            if allele.reason is not None:
                note = _mismatch(allele, names, reference)
                about = replace(about, notes=(*about.notes, note))
            if allele.variant is not None:
                about = replace(
                    about,
                    context=_context(allele.variant, reference),
                    genes=_genes(genes, allele.variant, windowing, scorer),
                )
            if allele.status is Status.SCORED:
                judged = columns.judge(held.table.slice(row, 1))
                about = replace(about, **_effects(judged, shown))
            found.append(about)
        return found


def _alleles(
    variant: str, vcf: Given | None, genome: ReferenceGenome, options: ScoreOptions
) -> tuple[list[Allele], ContigNames]:
    """Return the ALTs of a record, and how its contig is found in the FASTA."""
    if vcf is None:
        check_one(variant)
    with AlleleSource(variant if vcf is None else vcf, genome, options) as source:
        for _, record in groupby(source, key=attrgetter("record")):
            alleles = list(record)
            if vcf is None or variant in alleles[0].id.split(";"):
                return alleles, source.names
        raise VcfError(
            f"{source.given}: none of its records is called {variant!r}; give a name from its "
            "column ID, or the variant itself, such as chr1:12345:A:G, without --vcf"
        )


def _kind(allele: Allele) -> str:
    variant = allele.variant
    if variant is None:
        return "not scored"
    ref, alt = len(variant.ref), len(variant.alt)
    if ref == alt:
        return "substitution" if ref == 1 else f"substitution of {ref} bases"
    if variant.reference is Reference.SWAPPED:
        ref, alt = alt, ref
    if min(ref, alt) == 1 and variant.ref[0] == variant.alt[0]:
        size = abs(ref - alt)
        word = "insertion" if alt > ref else "deletion"
        return f"{word} of {size} base{'s' if size > 1 else ''}"
    return f"{ref} bases replaced by {alt}"


def _context(variant: Variant, genome: ReferenceGenome) -> str:
    contig, start, end = variant.contig, variant.start, variant.end
    before = genome.fetch(Interval(contig, start - _FLANK, start))
    after = genome.fetch(Interval(contig, end, end + _FLANK))
    ref, alt = variant.ref, variant.alt
    if variant.reference is Reference.SWAPPED:
        ref, alt = alt, ref
    return f"{before}[{ref}>{alt}]{after}"


def _notes(allele: Allele, scorer: Scorer, windowing: Windowing) -> Iterable[str]:
    if scorer.model.notice:
        yield scorer.model.notice
    variant = allele.variant
    if variant is None:
        return
    start = windowing.start(variant)
    end, length = start + windowing.length, scorer.genome.lengths[variant.contig]
    outside = max(0, -start) + max(0, end - length)
    if outside:
        yield (
            f"{outside:,} of the window's {windowing.length:,} bases lie beyond the end of "
            f"{variant.contig} and are read as N"
        )
    bases = scorer.genome.fetch(Interval(variant.contig, max(0, start), min(end, length)))
    if unknown := bases.upper().count("N"):
        yield f"{unknown:,} of the window's {windowing.length:,} bases are N in the genome"
    if variant.reference is Reference.SWAPPED:
        yield "the genome has ALT: scored in the row's direction, from its REF to the genome's"


def _mismatch(allele: Allele, names: ContigNames, genome: ReferenceGenome) -> str:
    """Say what the genome has in place of REF."""
    contig, start = names.match(allele.chrom).contig, allele.pos - 1
    assert contig is not None  # otherwise there would be nothing to compare with
    found = genome.fetch(Interval(contig, start, start + len(allele.ref)))
    text = f"REF is {shorten(allele.ref)}, where the genome has {shorten(found)}"
    if allele.reason is Reason.SWAPPED:
        text += "; --swapped score scores it in the row's direction"
    return text


def _genes(
    genes: Genes | None, variant: Variant, windowing: Windowing, scorer: Scorer
) -> tuple[dict[str, Any], ...]:
    if genes is None:
        return ()
    near = [row for row, _ in genes_near(genes, variant, windowing, scorer.model.config)]
    near.sort(key=lambda row: (row.gene_distance is None, row.gene_distance or 0, row.gene_id))
    return tuple(row._asdict() for row in near[:_GENES])


def _made(scorer: Scorer, background: Background | None) -> dict[str, Any]:
    model = scorer.model.metadata
    return {
        "model": model["name"],
        "sha256": model["sha256"],
        "genome": scorer.genome.path.name,
        "around": [str(width) for width in scorer.options.around],
        "tracks": len(scorer.tracks),
        "background": None if background is None else background.path.name,
    }


def _effects(judged: Judged, shown: int) -> dict[str, Any]:
    """Return what an explanation says of a scored row's effects."""
    tracks = judged.tracks
    size = np.abs(judged.scores[0]).astype(np.float64)
    if judged.tails is not None:
        ranked_by, keys = "how unusual they are in the background", [size, -judged.tails[0]]
        across = -judged.tails[0].astype(np.float64)
    else:
        ranked_by, keys = "size; tissues by log2 ratio", [size]
        across = size if judged.ratios is None else np.abs(judged.ratios[0]).astype(np.float64)
    order = np.lexsort(keys)[::-1]
    kinds = _class_of(tracks.columns.get("class"), tracks.descriptions)
    classes: dict[str, list[int]] = {}
    for track in order.tolist():
        classes.setdefault(kinds[track], []).append(track)
    found: dict[str, Any] = {
        "classes": {
            kind: tuple(judged.effect(0, track) for track in of_kind[:shown])
            for kind, of_kind in sorted(classes.items())
        },
        "tissues": _tissues(judged, np.lexsort([size, across])[::-1].tolist()),
        "ranked_by": ranked_by,
    }
    if judged.tails is not None:
        found["beyond"] = int((judged.tails[0] <= BEYOND).sum())
        found["expected"] = BEYOND * len(tracks)
        if judged.corrected is not None:
            found["corrected"] = float(judged.corrected[0])
    return found


def _class_of(classes: Sequence[str] | None, descriptions: Sequence[str]) -> list[str]:
    """Return each track's class, for want of one what its description begins with.

    Tracks that have no names, only numbers, are of one class.
    """
    if classes is not None:
        return [name or "unknown" for name in classes]
    return [text.partition(":")[0] if ":" in text else "tracks" for text in descriptions]


def _tissues(judged: Judged, order: Sequence[int]) -> tuple[Tissue, ...]:
    names = judged.tracks.columns.get("tissue")
    if names is None:
        return ()
    strongest: dict[str, int] = {}
    for track in order:
        strongest.setdefault(names[track], track)
    return tuple(
        Tissue(name, names.count(name), judged.effect(0, track))
        for name, track in strongest.items()
        if name
    )
