# Score a VCF of any size in shards; see workflow_config/README.md.
from functools import partial
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import LocalGitFile
from snakemake.utils import min_version
from varscore.cli.refusals import refuse_early
from varscore.errors import VarscoreError
from varscore.shards.config import Settings
from varscore.shards.identity import STEPS, Identities
from varscore.shards.workflow import (
    VARSCORE,
    check_places,
    own_words,
    plan_arguments,
    score_arguments,
    shard_names,
    surplus_scores,
    with_demo_files,
)

min_version("9.0")


# At the top of a repository Snakemake 9 finds no file beside this one, for which it asks with a
# slash before the name; not so where the way to this one begins in the repository's folder.
HERE = workflow.included_stack[-1]
if isinstance(HERE, LocalGitFile) and "/" not in HERE.path:
    HERE.path = f"./{HERE.path}"
# Part of another workflow: a module, or a file that it includes, with which it shares names.
PART = len(workflow.included_stack) > 1
INCLUDED = PART and workflow.modifier.is_main_snakefile()


def filled(given, name):
    """Return a configuration with what a file says and nobody else did, be it a parent's."""
    said = load_configfile(workflow.source_path(f"workflow_config/{name}"))
    return given | {key: said[key] for key in said if given.get(key) is None}


# Copies: a parent's configuration is as before.
GIVEN = filled(config, "config.yaml")
# Where nothing is said of what to score, the demo is: its VCF, its genome and its model.
if not any(GIVEN[key] for key in ("vcf", "genome", "model")):
    GIVEN = with_demo_files(filled(GIVEN, "demo.yaml"))


def is_made(path):
    """Tell whether a rule makes a file, as where this workflow is part of another."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def ask(question, *words):
    """Return what varscore answers; an error of the user's is a line, not a traceback."""
    try:
        return question(*words)
    except VarscoreError as error:
        raise WorkflowError(str(error)) from None


def attempt(wildcards, attempt):
    """Return how often a job has been tried, with this time."""
    return attempt


def identity(step):
    """Return the file that is there while nothing that determines a step has changed."""
    return lambda wildcards: f"{OUT}/plan/{ask(IDENTITIES.name, step)}.identity.json"


def refuse(settings):
    """Refuse what `varscore score` would refuse, as far as the files are there already."""
    check_places(settings, part=PART)
    vcf = [path for path in settings.vcf if Path(path).exists()]
    if Path(settings.genome).exists():
        refuse_early(
            Path(settings.genome), settings.score, vcf=vcf, model=settings.model
        )


TYPED = own_words(
    config, workflow.config_settings.config_args, workflow.config_settings.config
)
SETTINGS = ask(partial(Settings.read, part=PART), GIVEN, TYPED)
OUT = SETTINGS.out
if workflow.modifier.path_modifier.replace_prefix(f"{OUT}/plan") != f"{OUT}/plan":
    raise WorkflowError(
        "varscore's configuration says where each of its files is, which the module's prefix or "
        "replace_prefix would change for some: leave it out, and give each module its own `out`"
    )
SCORES = f"{OUT}/scores" if SETTINGS.dataset else f"{OUT}/scores.parquet"
REPORTS = [f"{OUT}/report.html"] if SETTINGS.report else []
# A job's own Snakemake takes what this one found.
IDENTITIES = Identities(SETTINGS, is_made, reuse=not workflow.is_main_process)
if workflow.is_main_process:
    ask(refuse, SETTINGS)


if not INCLUDED:

    rule all:
        input:
            SCORES,
            *REPORTS,
            # Snakemake makes a file that is not there only for what runs anyway, or is asked for.
            *map(identity, STEPS),
        localrule: True


# What determines a step's results, by content: see varscore/shards/identity.py.
rule identify:
    output:
        f"{OUT}/plan/{{step}}-{{digest}}.identity.json",
    log:
        f"{OUT}/logs/identify_{{step}}-{{digest}}.log",
    wildcard_constraints:
        step="|".join(STEPS),
        digest=r"[0-9a-f]+",
    localrule: True
    params:
        text=lambda wildcards, output: ask(IDENTITIES.text, wildcards.step),
        former=lambda wildcards, output: f"{OUT}/plan/{wildcards.step}-",
    shell:
        "(rm -f {params.former:q}*.identity.json && printf '%s\n' {params.text:q} > {output:q})"
        " 2> {log:q}"


# A job that crashed may be tried again; what varscore refused in words, it would refuse again.
# Snakemake removes a log before the next try.
def guarded(command):
    """Return a shell's words that run a command once, with a log."""
    return f"""
        if [ {{resources.attempt}} -gt 1 ] && [ -s {{log:q}}.refused ]; then
            echo 'not tried again, for it was refused:' | cat - {{log:q}}.refused \\
                | tee {{log:q}} >&2
            exit 1
        fi
        rm -f {{log:q}}.refused
        {command} 2>&1 | tee {{log:q}} >&2 || {{{{
            code=$?
            grep '^varscore: error: ' {{log:q}} > {{log:q}}.refused || true
            exit $code
        }}}}
        """


# What another rule makes is known by its date; all else by its content, be it not there: for want
# of a file that is among its inputs, Snakemake would take a former plan and its scores for good.
def made_input(*paths):
    return lambda wildcards: [path for path in paths if is_made(path)]


# Read the VCF once: classify and normalise alleles, cut them into shards of equal cost.
rule plan:
    input:
        identity=identity("plan"),
        files=made_input(*SETTINGS.vcf, SETTINGS.genome),
    output:
        plan=f"{OUT}/plan/plan.json",
        shards=expand(f"{OUT}/plan/{{shard}}.parquet", shard=shard_names(SETTINGS)),
    log:
        f"{OUT}/logs/plan.log",
    benchmark:
        f"{OUT}/benchmarks/plan.tsv"
    localrule: True
    resources:
        attempt=attempt,
    params:
        # Functions of the output: Snakemake does not compare them, identities do.
        varscore=lambda wildcards, output: VARSCORE,
        given=lambda wildcards, output: plan_arguments(SETTINGS),
        surplus=lambda wildcards, output: surplus_scores(SETTINGS),
        folder=subpath(output.plan, parent=True),
    shell:
        guarded(
            "({params.varscore} plan {params.given} --output {params.folder:q} --force"
            " && rm -f {params.surplus:q})"
        )


# Score one shard. Its digests of the genome are checked, whatever the genome's date.
rule score:
    input:
        identity=identity("score"),
        shard=f"{OUT}/plan/{{shard}}.parquet",
    output:
        scores=f"{OUT}/shards/{{shard}}.parquet",
        summary=f"{OUT}/summaries/{{shard}}.summary.json",
    log:
        f"{OUT}/logs/score_{{shard}}.log",
    benchmark:
        f"{OUT}/benchmarks/score_{{shard}}.tsv"
    wildcard_constraints:
        shard=r"\d+",
    threads: SETTINGS.run.threads
    resources:
        # A job that was ended for its memory has more at the next try.
        mem_mb=lambda wildcards, attempt: attempt * SETTINGS.memory_mb,
        runtime=SETTINGS.runtime,
        gpu=SETTINGS.gpu,
        # Not among the parameters: a change of these scores nothing again.
        device=SETTINGS.run.device,
        tensors=f"{SETTINGS.run.memory:g}",
        attempt=attempt,
    params:
        varscore=lambda wildcards, output: VARSCORE,
        genome=lambda wildcards, output: SETTINGS.genome,
        options=lambda wildcards, output: score_arguments(SETTINGS),
    shell:
        guarded(
            "{params.varscore} score --shard {input.shard:q} --genome {params.genome:q}"
            " --output {output.scores:q} --summary {output.summary:q} --force --resume"
            " {params.options} --threads {threads} --device {resources.device}"
            " --memory {resources.tensors}"
        )


# Prove that every shard is there, and join them in the VCF's order or the genome's.
rule merge:
    input:
        identity=identity("merge"),
        scored=identity("score"),
        plan=f"{OUT}/plan/plan.json",
        scores=expand(f"{OUT}/shards/{{shard}}.parquet", shard=shard_names(SETTINGS)),
        summaries=expand(
            f"{OUT}/summaries/{{shard}}.summary.json", shard=shard_names(SETTINGS)
        ),
    output:
        scores=directory(SCORES) if SETTINGS.dataset else SCORES,
        summary=f"{OUT}/scores.summary.json",
    log:
        f"{OUT}/logs/merge.log",
    benchmark:
        f"{OUT}/benchmarks/merge.tsv"
    localrule: True
    params:
        varscore=lambda wildcards, output: VARSCORE,
        plan=subpath(input.plan, parent=True),
        scores=lambda wildcards, input: Path(input.scores[0]).parent,
        summaries=lambda wildcards, input: Path(input.summaries[0]).parent,
        order=lambda wildcards, output: SETTINGS.order,
        dataset=lambda wildcards, output: "--dataset" if SETTINGS.dataset else "",
    shell:
        "{params.varscore} merge {params.plan:q} {params.scores:q} --summaries"
        " {params.summaries:q} --identity {input.scored:q} --output {output.scores:q}"
        " --order {params.order} {params.dataset} --force 2>&1 | tee {log:q} >&2"


# The result as a page for a browser, also for `snakemake --report`. However large the result
# is, the page has so many rows and no more.
rule report:
    input:
        scores=SCORES,
    output:
        page=report(
            f"{OUT}/report.html",
            caption="workflow_config/report.rst",
            category="Scores",
        ),
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    resources:
        mem_mb=SETTINGS.memory_mb,
        runtime=SETTINGS.runtime,
    params:
        varscore=lambda wildcards, output: VARSCORE,
    shell:
        "{params.varscore} report {input.scores:q} --output {output.page:q} --force"
        " 2>&1 | tee {log:q} >&2"
