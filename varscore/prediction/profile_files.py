"""Profiles of variants as files: a folder each, with a table, bigWig files and a figure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from varscore.engines import DEFAULT_MEMORY
from varscore.errors import VcfError
from varscore.files.atomic import write_bytes
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genes import Genes, chosen_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.pictures.genes import GeneShape
from varscore.pictures.profile import check_panels, profile_picture
from varscore.prediction.profile import Profiler
from varscore.progress import VariantProgress
from varscore.results.bigwig import write_bigwigs
from varscore.results.folder import OutputFolder, check_folder
from varscore.results.names import safe_name, safe_names
from varscore.results.profile import Profile
from varscore.variant import Allele, Status

FigureFormat = Literal["png", "svg", "pdf", "none"]

_QUANTITIES = ("reference", "alternate", "difference")
_LONGEST_INTRON = 3_000_000  # a gene is found by its exons, and none may lie in what is drawn
_LETTERS = 12  # of an allele, in a folder's name


def write_profiles(
    given: Given,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    zoom: int | None = None,
    form: FigureFormat = "png",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
) -> str:
    """Predict the coverage of both alleles of variants, and write and draw it.

    Parameters
    ----------
    given : Given
        As for `score_vcf`.
    genome : str or Path
        FASTA of the variants' build.
    output : str or Path
        Folder to write. In it is a folder for each allele that can be scored, with
        ``profile.parquet``, bigWig files ``<track>.reference.bw``, ``<track>.alternate.bw``
        and ``<track>.difference.bw``, and the figure; ``contents.json`` lists all alleles.
    model : str, Path or Model
    zoom : int, optional
        Bases to either side of REF that are drawn; all that is predicted if not given.
    form : {"png", "svg", "pdf", "none"}
        Of figures.
    force : bool
        Replace a folder that this function wrote.
    memory : int
        Bytes that tensors may take, beside the weights.
    options : ScoreOptions, optional
        As for `predict_variant`. With `genes`, these are drawn, with boxes for their exons.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    VarscoreError
        If the input, the model or the options cannot be used, no allele can be scored, or
        there are more tracks than a figure has room for.
    """
    options = options or ScoreOptions()
    check_folder(output, force=force)
    with ReferenceGenome(genome) as reference:
        profiler = Profiler(reference, model, options, memory)
        if form != "none":
            check_panels(len(profiler.tracks))
        genes = chosen_genes(replace(options, gene_bins="exons", tss_width=0), reference)
        with AlleleSource(given, reference, options, folder=Path(output).parent) as source:
            survey = source.survey()
            survey.judge()
            scored = survey.statuses[Status.SCORED]
            if not scored:
                counts = ", ".join(f"{n} {status}" for status, n in survey.counts.items())
                raise VcfError(
                    f"{source.given}: nothing can be predicted of its alleles ({counts}); "
                    "`varscore explain` says of one what is wrong with it"
                )
            writer = _Writer(profiler, reference, genes, zoom, form)
            with (
                OutputFolder(output, force=force) as folder,
                VariantProgress(Path(output).name, scored) as progress,
            ):
                for profile in profiler.profiles(writer.noted(source, survey.rows)):
                    writer.write(profile, folder.path)
                    progress(1)
                folder.commit("profiles", {**profiler.made, "variants": writer.variants})
    said = f"{scored:,} profile{'s' if scored > 1 else ''}"
    if left := survey.rows - scored:
        said += f", {left:,} allele{'s' if left > 1 else ''} could not be predicted"
    return said


class _Writer:
    """Writes profiles, and keeps what became of each allele.

    Attributes
    ----------
    variants : list of dict
        JSON-ready.
    """

    def __init__(
        self,
        profiler: Profiler,
        genome: ReferenceGenome,
        genes: Genes | None,
        zoom: int | None,
        form: FigureFormat,
    ) -> None:
        self.variants: list[dict[str, Any]] = []
        self._waiting: deque[str] = deque()  # folders of those that are being predicted
        self._lengths, self._genes, self._zoom, self._form = genome.lengths, genes, zoom, form
        identifiers = profiler.tracks.identifiers
        self._files = {
            f"{quantity}_{identifier}": f"{name}.{quantity}.bw"
            for identifier, name in zip(identifiers, safe_names(identifiers), strict=True)
            for quantity in _QUANTITIES
        }

    def noted(self, alleles: AlleleSource, rows: int) -> Iterator[Allele]:
        """Pass alleles on, and note each."""
        digits = len(str(rows))
        for number, allele in enumerate(alleles, 1):
            facts = {"variant": allele.key, "id": allele.id, "status": allele.status.value}
            if allele.variant is not None:
                _, pos, ref, alt, _ = allele.variant
                words = (allele.chrom, str(pos), ref[:_LETTERS], alt[:_LETTERS])
                facts["folder"] = f"{number:0{digits}}_{safe_name('_'.join(words))}"
                self._waiting.append(facts["folder"])
            self.variants.append(facts)
            yield allele

    def write(self, profile: Profile, output: Path) -> None:
        """Write the next profile."""
        folder = output / self._waiting.popleft()
        folder.mkdir()
        table = folder / "profile.parquet"
        profile.write_parquet(table)
        paths = {column: folder / name for column, name in self._files.items()}
        write_bigwigs(table, paths, self._lengths)
        if self._form != "none":
            drawn = profile if self._zoom is None else profile.around(self._zoom)
            picture = profile_picture(drawn, self._form, genes=self._near(drawn))
            write_bytes(folder / f"profile.{self._form}", picture)

    def _near(self, profile: Profile) -> list[GeneShape]:
        """Return the genes that have a base, be it of an intron, in what is drawn."""
        if self._genes is None:
            return []
        start, end = int(profile.starts[0]), int(profile.ends[-1])
        found = self._genes.overlapping(
            profile.contig, start - _LONGEST_INTRON, end + _LONGEST_INTRON
        )
        shapes = [
            GeneShape(
                gene.gene_name or gene.gene_id,
                gene.strand,
                gene.intervals[0][0],
                gene.intervals[-1][1],
                gene.intervals,
            )
            for gene in found
        ]
        return [shape for shape in shapes if shape.start < end and shape.end > start]
