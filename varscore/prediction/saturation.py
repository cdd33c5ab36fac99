"""Every change of an interval's bases: scores, a matrix for each track, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from varscore.engines import DEFAULT_MEMORY
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.saturation import Saturated, name_of, saturated
from varscore.meaning.saturation import Saturation, means
from varscore.models.model import Model
from varscore.models.notice import notice
from varscore.options import ScoreOptions
from varscore.pictures.lines import panels_of
from varscore.pictures.saturation import Panel, draw_saturation
from varscore.pictures.style import ImageFormat
from varscore.progress import VariantProgress
from varscore.results.folder import OutputFolder, check_folder
from varscore.scoring import Scorer

PANELS = 6
"""Tracks that a figure shows, if not told otherwise: the strongest ones."""

_SCORES = "scores.parquet"


def saturate(
    region: str,
    genome: str | Path,
    output: str | Path | None = None,
    *,
    model: str | Path | Model = "basenji2",
    deletions: bool = False,
    panels: int = PANELS,
    form: ImageFormat = "png",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
    **option: Any,
) -> Saturation:
    """Score every substitution of an interval's bases.

    Parameters
    ----------
    region : str
        Such as ``chr1:12000-12200``: 1-based, both ends included.
    genome : str or Path
        FASTA.
    output : str or Path, optional
        Folder to make, with ``scores.parquet``, a result as of `score_vcf`;
        ``scores.summary.json``; ``matrix.parquet``, as `Saturation.write` says; the figure
        ``saturation.png``; and ``contents.json``. If not given, nothing is written.
    model : str, Path or Model
    deletions : bool
        Score the deletion of each base, too.
    panels : int
        How many tracks the figure shows: the strongest ones, or the means of the strongest
        groups of tracks. Of an interval beyond 1,000 bases, fewer.
    form : {"png", "svg", "pdf"}
        Of the figure.
    force : bool
        Replace an existing output.
    memory : int
        Bytes that the engine's tensors may take, beside the weights.
    options : ScoreOptions, optional
        Those that choose variants do not count, nor do `genes`, `top_tracks` and `background`.
    **option
        Single fields of `ScoreOptions`, in place of `options`.

    Returns
    -------
    Saturation

    Raises
    ------
    VarscoreError
        If the region, the genome, the model or the options cannot be used; there is no output
        then.

    Examples
    --------
    >>> import varscore
    >>> found = varscore.saturate("chr1:108220-108239", "hg38.fa", tracks="DNASE:.*liver")
    >>> found.matrix("ENCFF462ZLK").shape
    (20, 4)
    """
    if options is not None and option:
        raise TypeError("give `options` or single options, not both")
    if output is not None:
        check_folder(output, force=force)
    wanted = _options(region, options or ScoreOptions(**option))
    with ReferenceGenome(genome) as reference:
        changed = saturated(region, reference, deletions=deletions)
        scorer = Scorer(reference, model, wanted, memory)
        for allele in changed.alleles:
            assert allele.variant is not None  # each is spelled as the genome has it
            scorer.refuse(allele.variant)
        name = name_of(region, deletions=deletions)
        if output is None:
            return Saturation.of_held(changed, scorer.held(changed.alleles, vcf=name))
        with OutputFolder(output, force=force) as folder:
            found = _write(folder.path, changed, scorer, name, panels, form)
            about = {"region": region, "shown": list(found.shown)}
            folder.commit("saturation", about)
        moved = Saturation.of_file(changed, Path(output) / _SCORES)
        return replace(moved, summary=found.summary, shown=found.shown)


def _options(region: str, given: ScoreOptions) -> ScoreOptions:
    """Return options that make a row of each change, whatever else they were for."""
    return replace(
        given,
        region=region,
        regions=None,
        genes=None,
        gene_bins="tss",
        tss_width=0,
        top_tracks=0,
        background=None,
    )


def _write(
    folder: Path,
    changed: Saturated,
    scorer: Scorer,
    name: str,
    panels: int,
    form: ImageFormat,
) -> Saturation:
    """Write all files into a folder."""
    scores = folder / _SCORES
    with VariantProgress(name, len(changed.alleles)) as progress:
        summary = scorer.score(
            changed.alleles, scores, progress, vcf=name, options=scorer.options
        )
    summary.save(scores)
    found = Saturation.of_file(changed, scores)
    found.write(folder / "matrix.parquet")
    shown = tuple(found.strongest(panels_of(len(changed.bases), panels)))
    draw(found, folder / f"saturation.{form}", shown, form)
    return replace(found, summary=summary, shown=shown)


def draw(
    found: Saturation, path: str | Path, tracks: Sequence[str], form: ImageFormat = "png"
) -> None:
    """Draw a saturation.

    Parameters
    ----------
    found : Saturation
    path : str or Path
        Of the figure.
    tracks : sequence of str
        Identifiers of tracks or groups, a panel each.
    form : {"png", "svg", "pdf"}
    """
    known = found.tracks[found.statistic]
    described = dict(zip(known.identifiers, known.descriptions, strict=True))
    panels = []
    for name in tracks:
        effects = found.matrix(name)
        panels.append(Panel(name, described[name], effects, means(effects)))
    changed = found.changed
    draw_saturation(
        path,
        panels,
        contig=changed.interval.contig,
        first=changed.interval.start + 1,
        bases=changed.bases,
        changes=changed.changes,
        statistic=found.statistic,
        model=str(found.model["name"]),
        note=notice(dict(found.model)),
        form=form,
    )
