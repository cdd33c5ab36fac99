"""From alleles to a Parquet file: where reading, the model and writing meet."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY, OnScored
from varscore.engines.auto import engine_limits, make_engine
from varscore.engines.finite import first_not_finite
from varscore.engines.prefetch import closed_after, prefetch
from varscore.files.digest import sha256
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genes import chosen_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.meaning.written import Written
from varscore.models.model import Model
from varscore.models.registry import load_model
from varscore.options import ScoreOptions
from varscore.progress import VariantProgress
from varscore.results.file import HeldResult
from varscore.results.provenance import (
    Arithmetic,
    GeneRecord,
    GenomeRecord,
    Provenance,
    ShardEntry,
)
from varscore.results.reading import Frame, to_frame
from varscore.results.summary import ScoreSummary
from varscore.results.table import ScoreWriter
from varscore.results.target import check_result_target
from varscore.variant import Allele, Status, Variant
from varscore.windows import Bins, genes_near, windowing_for

# A chunk's scores are in memory, and as columns once more, while the next one is scored; but
# each chunk pays for the reference around it, whatever the number of its alleles.
_CHUNK_BYTES, _CHUNK_ALLELES = 1 << 26, 8192
_LARGE_BYTES, _FEW_ALLELES = 1 << 28, 2048

_Row = tuple[Allele, Bins | None]
"""A row of the result, and the bins that its scores are made of if not the windowing's."""

logger = logging.getLogger(__name__)


def score_vcf(
    vcf: Given,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
    **option: Any,
) -> ScoreSummary:
    """Score every allele of a VCF and write a Parquet file.

    Parameters
    ----------
    vcf : str, Path, data frame, or sequence of str or Path
        A VCF, BCF, table or list of variants, ``"-"`` for standard input, a variant such as
        ``"chr1:12345:A:G"``, or several of these, whose rows follow one another; or a data
        frame with columns chrom, pos (1-based), ref and alt, and perhaps id. In any order.
    genome : str or Path
        FASTA, plain or bgzipped, of the build that the VCF was made with.
    output : str or Path
        The Parquet file; it appears when it is whole.
    model : str, Path or Model
        A name (``varscore model list``), the path of weights, or a loaded model.
    force : bool
        Overwrite an existing output.
    memory : int
        Bytes that the engine's tensors may take, beside the weights.
    options : ScoreOptions, optional
    **option
        Single fields of `ScoreOptions`, in place of `options`, such as
        ``statistics=["SAD", "D2"]``.

    Returns
    -------
    ScoreSummary

    Raises
    ------
    VarscoreError
        If the input, the model or the options cannot be used; there is no output then.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet", tracks="DNASE")
    >>> made.rows
    9
    """
    options = _chosen(options, option)
    check_result_target(output, force=force)
    with ReferenceGenome(genome) as reference:
        return Scorer(reference, model, options, memory).score_vcf(vcf, output, force=force)


def score(
    variants: Given,
    genome: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
    **option: Any,
) -> Frame:
    """Score a few variants in memory.

    Parameters
    ----------
    variants
        As for `score_vcf`, such as ``["chr1:12345:A:G"]``.
    genome, model, memory, options, **option
        As there.

    Returns
    -------
    pandas.DataFrame
        What `read_scores` reads of the result that `score_vcf` writes, all of its columns; how
        it was made is in ``attrs``.

    Raises
    ------
    VarscoreError
        As `score_vcf`.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score(["chr1:108230:C:T"], "hg38.fa", tracks="ENCFF462ZLK")
    >>> made.columns.to_list()[-2:], len(made)
    (['reason', 'SAD_ENCFF462ZLK'], 1)
    """
    chosen = _chosen(options, option)
    with ReferenceGenome(genome) as reference:
        scorer = Scorer(reference, model, chosen, memory)
        with AlleleSource(variants, reference, chosen) as alleles:
            alleles.survey(scorer.refuse).judge()
            held = scorer.held(alleles, vcf=alleles.name)
    return to_frame(held.table, held.provenance)


def _chosen(options: ScoreOptions | None, option: dict[str, Any]) -> ScoreOptions:
    if options is not None and option:
        raise TypeError("give `options` or single options, not both")
    return options or ScoreOptions(**option)


class Scorer:
    """A genome, a model and options: ready to score one file after another.

    Parameters
    ----------
    genome : ReferenceGenome
    model : str, Path or Model
    options : ScoreOptions, optional
    memory : int
        Bytes that the engine's tensors may take, beside the weights.

    Attributes
    ----------
    tracks : TrackTable
        Those that are scored.
    written : Written
        What is written of their scores.
    refuse : callable
        Raises an `OptionError` for a variant that cannot be scored with these options.
    chunk : int
        Alleles that are scored at a time.

    Raises
    ------
    VarscoreError
        If model and options do not fit.
    """

    def __init__(
        self,
        genome: ReferenceGenome,
        model: str | Path | Model = "basenji2",
        options: ScoreOptions | None = None,
        memory: int = DEFAULT_MEMORY,
    ) -> None:
        self.genome, self.options = genome, options or ScoreOptions()
        self.model = model if isinstance(model, Model) else load_model(model)
        if self.model.notice:
            logger.warning("%s", self.model.notice)
        self.tracks = self.model.tracks.select(self.options.tracks)
        self.written = Written.of(self.options, self.tracks, self.model.metadata)
        self.engine = make_engine(
            self.options,
            self.model.network,
            self.genome,
            self.tracks.indices,
            memory=memory,
        )
        self.refuse = engine_limits(self.options, self.model, memory)
        self.genes = chosen_genes(self.options, genome)
        self._windowing = windowing_for(self.options, self.model.config)
        row = 4 * len(self.options.measures) * len(self.tracks)
        fitting = max(_CHUNK_BYTES // row, min(_FEW_ALLELES, _LARGE_BYTES // row))
        self.chunk = max(1, min(_CHUNK_ALLELES, fitting))

    def score_vcf(self, vcf: Given, output: str | Path, *, force: bool = False) -> ScoreSummary:
        """Score every allele of a VCF; see the function `score_vcf`.

        Parameters
        ----------
        vcf, output, force
            As there.
        """
        options, folder = self.options, Path(output).parent
        with AlleleSource(vcf, self.genome, options, folder=folder) as alleles:
            # A first reading finds what would end the work, before hours of it.
            survey = alleles.survey(self.refuse)
            survey.judge()
            with VariantProgress(Path(output).name, survey.rows) as progress:
                summary = self.score(
                    alleles, output, progress, vcf=alleles.name, options=options, force=force
                )
        return replace(summary, warning=survey.warning)

    def held(self, alleles: Iterable[Allele], *, vcf: str) -> HeldResult:
        """Score located alleles in memory, a row each.

        Parameters
        ----------
        alleles : iterable of Allele
        vcf : str
            What they are from.
        """
        writer = self._writer(None)
        self._write(writer, alleles, _nobody, vcf=vcf, options=self.options)
        return writer.held

    def score(
        self,
        alleles: Iterable[Allele],
        output: str | Path,
        progress: OnScored,
        *,
        vcf: str,
        options: ScoreOptions,
        shard: ShardEntry | None = None,
        fingerprint: str | None = None,
        force: bool = False,
    ) -> ScoreSummary:
        """Score located alleles, a row each, and write the result.

        Parameters
        ----------
        alleles : iterable of Allele
        output : str or Path
        progress : callable
            Called with the number of alleles finished since the last call.
        vcf : str
            Name of the VCF that they are from.
        options : ScoreOptions
            With which they were read, and are scored.
        shard, fingerprint
            As in `Provenance`, which is written with the scores.
        force : bool
            Replace an existing output.

        Returns
        -------
        ScoreSummary
        """
        writer = self._writer(output, force=force)
        return self._write(
            writer,
            alleles,
            progress,
            vcf=vcf,
            options=options,
            shard=shard,
            fingerprint=fingerprint,
        )

    def _writer(self, output: str | Path | None, *, force: bool = False) -> ScoreWriter:
        return ScoreWriter(
            output,
            self.options.measures,
            self.tracks,
            genes=self.genes is not None,
            derived=self.written.derived,
            keep_tracks=self.options.has_tracks,
            force=force,
            cause=self._cause,
        )

    def _cause(self, allele: Allele) -> str:
        """Say why scores of an allele are not finite, and what to do."""
        network, variant = self.model.network, allele.variant
        if variant is not None and (
            layer := first_not_finite(network, self.genome, self._windowing, variant)
        ):
            return f"{layer}: check the model's weights, or get them again"
        advice = "with --engine two-pass and fewer statistics, to see which can be computed"
        if self.options.precision != "float32":
            advice = "with --precision float32"
        return f"all layers give finite numbers in two passes: score {advice}"

    def _write(
        self,
        writer: ScoreWriter,
        alleles: Iterable[Allele],
        progress: OnScored,
        *,
        vcf: str,
        options: ScoreOptions,
        shard: ShardEntry | None = None,
        fingerprint: str | None = None,
    ) -> ScoreSummary:
        started = time.monotonic()
        statuses: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        contigs: set[str] = set()
        with writer:
            with prefetch(self._chunks(alleles), depth=1) as chunks:
                for chunk in chunks:
                    rows = self._rows(chunk)
                    alleles_out = [allele for allele, _ in rows]
                    writer.write(alleles_out, self._score(rows, len(chunk), progress))
                    statuses.update(allele.status.value for allele in alleles_out)
                    reasons.update(a.reason.value for a in alleles_out if a.reason is not None)
                    contigs.update(a.variant.contig for a in chunk if a.variant is not None)
            genome = GenomeRecord(
                self.genome.path.name,
                dict(self.genome.lengths),
                self.genome.digest(sorted(contigs)),
            )
            writer.commit(
                Provenance(
                    model=self.model.metadata,
                    genome=genome,
                    vcf=vcf,
                    options=asdict(options),
                    engine=self.arithmetic,
                    torch=str(torch.__version__),
                    rows=statuses.total(),
                    statuses=dict(sorted(statuses.items())),
                    reasons=dict(sorted(reasons.items())),
                    genes=self.gene_record,
                    background=self.written.background,
                    shard=shard,
                    fingerprint=fingerprint,
                )
            )
        seconds = time.monotonic() - started
        counts, causes = dict(statuses.most_common()), dict(reasons.most_common())
        return ScoreSummary(statuses.total(), counts, causes, seconds)

    @property
    def held_bytes(self) -> int:
        """What scores take at most until they are on disk."""
        row = 4 * len(self.options.measures) * len(self.tracks)
        return 3 * row * self.chunk + 2 * self.written.group_bytes

    @cached_property
    def gene_record(self) -> GeneRecord | None:
        """Which genes scores are made for, if any."""
        if self.options.genes is None:
            return None
        path = Path(self.options.genes)
        return GeneRecord(path.name, sha256(path))

    @property
    def arithmetic(self) -> Arithmetic:
        """How the scores are computed, and where."""
        return Arithmetic(**self.engine.describe())

    def _chunks(self, alleles: Iterable[Allele]) -> Iterator[list[Allele]]:
        """Cut alleles into pieces whose scores fit in bounded memory."""
        with closed_after(alleles) as iterator:
            while chunk := list(islice(iterator, self.chunk)):
                yield chunk

    def _rows(self, chunk: Sequence[Allele]) -> list[_Row]:
        """Return a chunk's rows: alleles, or with genes each allele's genes."""
        if self.genes is None:
            return [(allele, None) for allele in chunk]
        rows: list[_Row] = []
        for allele in chunk:
            if allele.variant is None:
                rows.append((allele, None))
                continue
            config = self.model.config
            near = genes_near(self.genes, allele.variant, self._windowing, config)
            rows += [(allele._replace(gene=gene), bins) for gene, bins in near]
            if not near:
                rows.append((allele._replace(status=Status.NO_GENE), None))
        return rows

    def _score(
        self, rows: Sequence[_Row], alleles: int, progress: OnScored
    ) -> NDArray[np.float32]:
        """Score the rows that can be, equal ones once; shape (scored, S, T)."""
        found: dict[tuple[Variant, Bins | None], int] = {}
        wanted = [
            found.setdefault((allele.variant, bins), len(found))
            for allele, bins in rows
            if allele.variant is not None and allele.status is Status.SCORED
        ]
        variants = [variant for variant, _ in found]
        bins = None if self.genes is None else [bins for _, bins in found if bins is not None]
        told = _Told(progress, alleles, len(found))
        try:
            scores = self.engine.score(variants, told, bins)[wanted]
        except Exception as error:
            (first, _), (last, _) = rows[0], rows[-1]
            error.add_note(
                f"while scoring records {first.record} ({first.key}) to {last.record} "
                f"({last.key})"
            )
            raise
        told.end()
        return scores


def _nobody(scored: int) -> None:
    """Whom nobody's progress is told."""


class _Told:
    """Tells of alleles as rows are scored, of which an allele may have several or none."""

    def __init__(self, progress: OnScored, alleles: int, rows: int) -> None:
        self._progress, self._alleles, self._rows = progress, alleles, rows
        self._scored = self._told = 0

    def __call__(self, scored: int) -> None:
        self._scored += scored
        self._tell(self._alleles * self._scored // self._rows)

    def end(self) -> None:
        """Tell of all that is left."""
        self._tell(self._alleles)

    def _tell(self, alleles: int) -> None:
        self._progress(alleles - self._told)
        self._told = alleles
