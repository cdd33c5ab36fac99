"""Scoring a VCF or a shard in parts beside the output, so that what was interrupted goes on."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

from varscore.engines import DEFAULT_MEMORY
from varscore.files.atomic import naming_output, remove_stale
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.progress import VariantProgress
from varscore.results.summary import ScoreSummary
from varscore.results.target import check_result_target
from varscore.scoring import Scorer
from varscore.shards.merge import join_parts, merge_shards
from varscore.shards.parts import PART_ROWS, cut_shard
from varscore.shards.plan import plan_shards
from varscore.shards.score import ShardScorer, score_shard
from varscore.shards.shard import Shard, ShardPlan, scored_files

logger = logging.getLogger(__name__)


def score_resumably(
    vcf: Given,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
) -> ScoreSummary:
    """Score a VCF as `varscore.score_vcf` does, keeping what is done if interrupted.

    Parts of at least 256 alleles are kept in a hidden folder ``.<name>.parts`` beside the
    output. The same call after an interruption scores only what is not there: a part is
    taken if its fingerprint says that the same version, model, options, genome and variants
    made it. The folder is removed when the output is whole.

    Parameters
    ----------
    vcf, genome, output, model, force, memory, options
        As for `score_vcf`.

    Returns
    -------
    ScoreSummary
        Of all rows; its seconds are those of this call.

    Raises
    ------
    VarscoreError
        As `score_vcf`; what was done until then stays.
    """
    options = options or ScoreOptions()
    output = Path(output)
    check_result_target(output, force=force)
    started, work = time.monotonic(), _work_folder(output)
    with ReferenceGenome(genome) as reference:
        scorer = ShardScorer(Scorer(reference, model, options, memory))
        # The plan is made anew: the VCF may have changed, and it had to be read anyway.
        plan = plan_shards(vcf, reference, work / "plan", force=True, options=options)
        _score_missing(scorer, plan, work, output.name)
    merged = merge_shards(work / "plan", work / "scores", output, force=force)
    shutil.rmtree(work, ignore_errors=True)
    return replace(merged, seconds=time.monotonic() - started)


def score_shard_resumably(
    shard: str | Path,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    force: bool = False,
    memory: int = DEFAULT_MEMORY,
    options: ScoreOptions | None = None,
) -> ScoreSummary:
    """Score one shard of a plan, keeping what is done if interrupted, as at a time limit.

    A shard of more than 1,024 alleles is scored in parts of as many, which are kept as those
    of `score_resumably` are.

    Parameters
    ----------
    shard, genome, output, model, force, memory, options
        As for `varscore.shards.score.score_shard`.

    Returns
    -------
    ScoreSummary
        Of all rows; its seconds are those of this call.

    Raises
    ------
    VarscoreError
        As `score_shard`; what was done until then stays.
    """
    output, task = Path(output), Shard.open(shard)
    check_result_target(output, force=force)
    if task.entry.rows <= PART_ROWS:
        return score_shard(
            shard, genome, output, model=model, force=force, memory=memory, options=options
        )
    started, work = time.monotonic(), _work_folder(output)
    with ReferenceGenome(genome) as reference:
        scorer = ShardScorer(Scorer(reference, model, options, memory))
        plan = cut_shard(task, work / "plan")
        _score_missing(scorer, plan, work, output.name)
        whole = scorer.fingerprint(task)
    made = join_parts(
        plan,
        scored_files(work / "scores", plan),
        output,
        shard=task.entry,
        fingerprint=whole,
        force=force,
    )
    shutil.rmtree(work, ignore_errors=True)
    seconds = time.monotonic() - started
    return ScoreSummary(made.rows, made.statuses, made.reasons, seconds)


def _work_folder(output: Path) -> Path:
    """Make the folder of an output's parts, if it is not there."""
    work = output.with_name(f".{output.name}.parts")
    with naming_output(work):
        (work / "scores").mkdir(parents=True, exist_ok=True)
    return work


def _score_missing(scorer: ShardScorer, plan: ShardPlan, work: Path, name: str) -> None:
    """Score the parts of a plan that are not there, or were made otherwise."""
    missing = []
    for entry, part in zip(plan.shards, scored_files(work / "scores", plan), strict=True):
        remove_stale(part)
        shard = Shard.open(work / "plan" / entry.file_name)
        if not scorer.has_scored(shard, part):
            missing.append((shard, part))
    found = plan.rows - sum(shard.entry.rows for shard, _ in missing)
    if found:
        counts = f"{found:,} of {plan.rows:,}"
        logger.info("%s: %s variants were scored before", name, counts)
    with VariantProgress(name, plan.rows) as progress:
        progress.found(found)
        for shard, part in missing:
            scorer.score(shard, part, progress, force=True)
