"""Scoring one shard of a plan."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from varscore.engines import DEFAULT_MEMORY, OnScored
from varscore.errors import GenomeError, OutputError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.model import Model
from varscore.options import ScoreOptions, names
from varscore.progress import VariantProgress
from varscore.results.file import ResultReader
from varscore.results.summary import ScoreSummary
from varscore.results.target import check_result_target
from varscore.scoring import Scorer
from varscore.shards.shard import Shard, shard_fingerprint


def score_shard(
    shard: str | Path,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
) -> ScoreSummary:
    """Score one shard of a plan; `varscore.shards.merge.merge_shards` joins the results.

    Parameters
    ----------
    shard : str or Path
        A table that `varscore.shards.plan.plan_shards` wrote.
    genome : str or Path
        The FASTA that the plan was made with.
    output : str or Path
        The Parquet file; it appears when it is whole.
    model, force, memory
        As in `varscore.score_vcf`.
    options : ScoreOptions, optional
        The plan's own region, allele length and tolerance replace those given here.

    Returns
    -------
    ScoreSummary

    Raises
    ------
    VarscoreError
        If the shard, the genome, the model or the options cannot be used, or the genome is
        not the plan's; there is no output then.
    """
    check_result_target(output, force=force)
    task = Shard.open(shard)
    with ReferenceGenome(genome) as reference:
        scorer = ShardScorer(Scorer(reference, model, options, memory))
        with VariantProgress(Path(output).name, task.entry.rows) as progress:
            return scorer.score(task, output, progress, force=force)


class ShardScorer:
    """Scores shards of a plan, one after the other.

    Parameters
    ----------
    scorer : Scorer
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def fingerprint(self, shard: Shard) -> str:
        """Return the digest of everything that determines a shard's scores.

        Threads, device and memory are not among it: they decide about rounding at most.
        """
        options = self._scorer.options  # what came of those that are planned, the rows say
        model, written = self._scorer.model.metadata, self._scorer.written
        identity = {
            "model": {key: model[key] for key in ("sha256", "config")},
            "tracks": asdict(self._scorer.tracks),
            "options": {
                name: getattr(options, name)
                for name in names("scored")
                # What these are stands beside it, whatever their spelling.
                if name not in ("tracks", "genes", "groups", "background")
            },
            "background": known.sha256 if (known := written.background) else None,
            "groups": [asdict(group) for group in written.groups],
            "genes": genes.sha256 if (genes := self._scorer.gene_record) else None,
        }
        return shard_fingerprint(identity, shard)

    def score(
        self, shard: Shard, output: str | Path, progress: OnScored, *, force: bool = False
    ) -> ScoreSummary:
        """Score a shard.

        Parameters
        ----------
        shard : Shard
        output : str or Path
            The Parquet file; it appears when it is whole.
        progress : callable
            Called with the number of alleles finished since the last call.
        force : bool
            Replace an existing output.

        Returns
        -------
        ScoreSummary

        Raises
        ------
        VarscoreError
            As `score_shard`.
        """
        self._check_genome(shard)
        return self._scorer.score(
            shard.alleles(),
            output,
            progress,
            vcf=shard.provenance.vcf,
            options=replace(self._scorer.options, **shard.provenance.options),
            shard=shard.entry,
            fingerprint=self.fingerprint(shard),
            force=force,
        )

    def has_scored(self, shard: Shard, output: str | Path) -> bool:
        """Tell whether a file is this scorer's result for a shard, and whole.

        Scores of another arithmetic, as of a machine of another kind, are not: results of
        both could not be merged.

        Parameters
        ----------
        shard : Shard
        output : str or Path
        """
        try:
            with ResultReader(output) as reader:
                found = reader.provenance()
        except OutputError:
            return False
        if found.engine is None or found.engine.kind != self._scorer.arithmetic.kind:
            return False
        return found.fingerprint == self.fingerprint(shard)

    def _check_genome(self, shard: Shard) -> None:
        genome, planned = self._scorer.genome, shard.provenance.genome
        for contig, expected in planned.m5.items():
            if contig not in genome.lengths:
                found = "has no such contig"
            elif genome.digest([contig])[contig] == expected:
                continue
            else:
                found = "has other bases there"
            raise GenomeError(
                f"{genome.path}: the plan was made with another genome "
                f"({planned.file}): for contig {contig} this one {found}; give the "
                "plan's own genome, or run `varscore plan` again"
            )
