# Score a VCF of any size in shards; see workflow_config/README.md.
import sys
from pathlib import Path

from snakemake.utils import min_version, validate
from varscore.version import __version__
from varscore.shards.workflow import (
    input_samples,
    plan_arguments,
    score_arguments,
    score_identity,
    shard_names,
)

min_version("9.0")


configfile: f"{workflow.basedir}/workflow_config/config.yaml"


validate(config, "workflow_config/config.schema.yaml")

# `varscore` is the one of the Python that runs Snakemake, whatever the PATH. What it says goes
# to the log and, because a full disk takes no more logs, to the terminal too: its exit code
# comes through the pipe.
shell.prefix(f'set -euo pipefail; export PATH="{Path(sys.executable).parent}:$PATH"; ')

OUT = config["out"]
SCORES = f"{OUT}/scores" if config["dataset"] else f"{OUT}/scores.parquet"


wildcard_constraints:
    shard=r"\d+",


localrules:
    all,
    plan,
    merge,


rule all:
    input:
        SCORES,


# Read the VCF once: classify and normalise alleles, cut them into shards of equal cost.
rule plan:
    input:
        vcf=config["vcf"],
        genome=config["genome"],
    output:
        plan=f"{OUT}/plan/plan.json",
        shards=expand(f"{OUT}/plan/{{shard}}.parquet", shard=shard_names(config)),
    log:
        f"{OUT}/logs/plan.log",
    benchmark:
        f"{OUT}/benchmarks/plan.tsv"
    params:
        folder=subpath(output.plan, parent=True),
        shards=config["shards"],
        options=plan_arguments(config),
        version=__version__,
        samples=input_samples(config),
    shell:
        "varscore plan {input.vcf:q} --genome {input.genome:q} --shards {params.shards}"
        " --output {params.folder:q} --force {params.options}"
        " 2>&1 | tee {log:q} >&2"


# Score one shard. Its digests of the genome are checked, whatever the genome's date.
rule score:
    input:
        shard=f"{OUT}/plan/{{shard}}.parquet",
        genome=ancient(config["genome"]),
    output:
        scores=f"{OUT}/shards/{{shard}}.parquet",
        summary=f"{OUT}/shards/{{shard}}.summary.json",
    log:
        f"{OUT}/logs/score_{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/score_{{shard}}.tsv"
    threads: config["threads"]
    resources:
        mem_mb=config["memory_mb"],
        runtime=config["runtime"],
        gpu=config["gpu"],
        # Not among the parameters: a change of these scores nothing again.
        device=config["device"],
        tensors=str(config["memory"]),
    params:
        options=score_arguments(config),
        identity=score_identity(config),
    shell:
        "varscore score --shard {input.shard:q} --genome {input.genome:q}"
        " --output {output.scores:q} --force {params.options}"
        " --threads {threads} --device {resources.device} --memory {resources.tensors}"
        " 2>&1 | tee {log:q} >&2"


# Prove that every shard is there, and join them in the VCF's order or the genome's.
rule merge:
    input:
        plan=f"{OUT}/plan/plan.json",
        scores=expand(f"{OUT}/shards/{{shard}}.parquet", shard=shard_names(config)),
        summaries=expand(
            f"{OUT}/shards/{{shard}}.summary.json", shard=shard_names(config)
        ),
    output:
        scores=directory(SCORES) if config["dataset"] else SCORES,
        summary=f"{OUT}/scores.summary.json",
    log:
        f"{OUT}/logs/merge.log",
    benchmark:
        f"{OUT}/benchmarks/merge.tsv"
    params:
        plan=subpath(input.plan, parent=True),
        order=config["order"],
        options="--dataset" if config["dataset"] else "",
    shell:
        'varscore merge {params.plan:q} "$(dirname {input.scores[0]:q})"'
        " --output {output.scores:q} --order {params.order} {params.options} --force"
        " 2>&1 | tee {log:q} >&2"
