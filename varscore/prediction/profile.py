"""Coverage of both alleles of a variant, bin by bin: what its scores are sums of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from varscore.engines import DEFAULT_MEMORY
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import VcfError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.models.model import Model
from varscore.models.registry import load_model
from varscore.options import ScoreOptions
from varscore.results.profile import Profile
from varscore.statistics import CoverageChange
from varscore.variant import Allele, Reference, Status, Variant
from varscore.windows import windowing_for

_CHUNK_BYTES, _CHUNK_ALLELES = 1 << 28, 64
_COUNT = ("tracks", "windows", "indels", "reverse_complement", "shifts", "swapped")

logger = logging.getLogger(__name__)


def predict_variant(
    variant: str,
    genome: str | Path | ReferenceGenome,
    *,
    model: str | Path | Model = "basenji2",
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
    **option: Any,
) -> Profile:
    """Predict the coverage of both alleles of a variant along its window.

    Parameters
    ----------
    variant : str
        Such as ``chr1:12345:A:G`` (1-based).
    genome : str, Path or ReferenceGenome
        FASTA of the variant's build.
    model : str, Path or Model
    memory : int
        Bytes that tensors may take, beside the weights.
    options : ScoreOptions, optional
        Of it count `tracks`, `windows`, `indels`, `reverse_complement`, `shifts`, `swapped`,
        `max_allele_length` and `contigs`.
    **option
        Single fields of `ScoreOptions`, in place of `options`, such as ``tracks="DNASE"``.

    Returns
    -------
    Profile
        The sum of its difference over the bins is the SAD that `score_vcf` writes with the
        same options, but for rounding: profiles are always made in two passes.

    Raises
    ------
    VarscoreError
        If the input, the model or the options cannot be used, or the allele is one that is not
        scored, as where REF mismatches.

    Examples
    --------
    >>> import varscore
    >>> profile = varscore.predict_variant("chr1:108230:C:T", "hg38.fa", tracks="ENCFF462ZLK")
    >>> profile.difference.shape == (len(profile.starts), 1)
    True
    """
    if options is not None and option:
        raise TypeError("give `options` or single options, not both")
    options = options or ScoreOptions(**option)
    if not isinstance(genome, ReferenceGenome):
        with ReferenceGenome(genome) as opened:
            return predict_variant(variant, opened, model=model, memory=memory, options=options)
    with AlleleSource([variant], genome, options) as source, closing(iter(source)) as found:
        alleles = list(islice(found, 2))
    if len(alleles) != 1:
        many = "several alleles" if alleles else "no allele"
        raise VcfError(
            f"{variant}: {many}, expected one variant such as chr1:12345:A:G; "
            "`varscore profile` takes files"
        )
    refuse_unscored(alleles[0])
    (profile,) = Profiler(genome, model, options, memory).profiles(alleles)
    return profile


def refuse_unscored(allele: Allele) -> None:
    """Refuse an allele of which nothing can be predicted.

    Raises
    ------
    VcfError
        If its status is another than `SCORED`.
    """
    if allele.status is not Status.SCORED:
        why = f"{allele.status} ({allele.reason})" if allele.reason else str(allele.status)
        raise VcfError(
            f"{allele.key}: nothing is predicted of an allele whose status is {why}; "
            "`varscore explain` says more, and the README what to do"
        )


class Profiler:
    """A genome, a model and options: ready to predict one variant after another.

    Parameters
    ----------
    genome : ReferenceGenome
    model : str, Path or Model
    options : ScoreOptions, optional
        As for `predict_variant`.
    memory : int
        Bytes that tensors may take, beside the weights.

    Attributes
    ----------
    tracks : TrackTable
        Those that are predicted.
    made : dict of str to object
        Model, genome and options, JSON-ready.

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
        options = options or ScoreOptions()
        self.model = model if isinstance(model, Model) else load_model(model)
        if self.model.notice:
            logger.warning("%s", self.model.notice)
        self.tracks = self.model.tracks.select(options.tracks)
        self._genome = genome
        self._windowing = windowing_for(options, self.model.config)
        self._engine = TwoPassEngine(
            self.model.network,
            genome,
            self._windowing,
            (),
            self.tracks.indices,
            memory=memory,
        )
        given = asdict(options)
        self.made = {
            "model": self.model.metadata,
            "genome": genome.path.name,
            "options": {name: given[name] for name in _COUNT},
        }

    def profiles(self, alleles: Iterable[Allele]) -> Iterator[Profile]:
        """Predict the alleles that can be scored, in their order; others are passed over.

        Parameters
        ----------
        alleles : iterable of Allele
            Located on the genome; a few at a time are in memory.

        Yields
        ------
        Profile
        """
        scored = ((a, a.variant) for a in alleles if a.variant is not None)
        each = 12 * self.model.config.n_bins * len(self.tracks)
        size = max(1, min(_CHUNK_ALLELES, _CHUNK_BYTES // each))
        while chunk := list(islice(scored, size)):
            left = iter(chunk)
            with closing(self._engine.changes([variant for _, variant in chunk])) as changes:
                for change in changes:
                    for number, (allele, variant) in enumerate(islice(left, len(change.diff))):
                        yield self._profile(allele, variant, change.of(number))

    def _profile(self, allele: Allele, variant: Variant, change: CoverageChange) -> Profile:
        config = self.model.config
        bins = np.arange(config.crop_bins, config.crop_bins + config.n_bins, dtype=np.int64)
        starts = self._windowing.frame_start(variant) + bins * config.bin_width
        ref, alt = variant.ref, variant.alt
        if variant.reference is Reference.SWAPPED:
            ref, alt = alt, ref
        return Profile(
            contig=variant.contig,
            start=variant.start,
            end=variant.end,
            ref=ref,
            alt=alt,
            id=allele.id,
            contig_length=self._genome.lengths[variant.contig],
            track_table=self.tracks,
            starts=starts,
            ends=starts + config.bin_width,
            reference=change.ref[0].cpu().numpy(),
            alternate=change.alt[0].cpu().numpy(),
            made=self.made,
        )
