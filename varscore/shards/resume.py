"""Scoring a VCF in parts beside the output, so that an interrupted run can go on."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from varscore.atomic import naming_output, remove_stale
from varscore.engines import DEFAULT_MEMORY
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.progress import VariantProgress
from varscore.results.summary import ScoreSummary
from varscore.results.target import check_result_target
from varscore.scoring import Scorer
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import ShardScorer
from varscore.shards.shard import Shard, scored_files


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
    work = output.with_name(f".{output.name}.parts")
    started = time.monotonic()
    with ReferenceGenome(genome) as reference:
        scorer = ShardScorer(Scorer(reference, model, options, memory))
        with naming_output(work):
            (work / "scores").mkdir(parents=True, exist_ok=True)
        # The plan is made anew: the VCF may have changed, and it had to be read anyway.
        plan = plan_shards(vcf, reference, work / "plan", force=True, options=options)
        with VariantProgress(output.name, plan.rows) as progress:
            for entry, part in zip(
                plan.shards, scored_files(work / "scores", plan), strict=True
            ):
                remove_stale(part)
                shard = Shard.open(work / "plan" / entry.file_name)
                if scorer.has_scored(shard, part):
                    progress.found(entry.rows)
                else:
                    scorer.score(shard, part, progress, force=True)
    merged = merge_shards(work / "plan", work / "scores", output, force=force)
    shutil.rmtree(work, ignore_errors=True)
    return replace(merged, seconds=time.monotonic() - started)
