"""`varscore demo` and `varscore workflow init`: what comes along, laid into a folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import RUN
from varscore.errors import OutputError
from varscore.files.atomic import check_target, write_bytes
from varscore.files.shipped import SHIPPED, shipped_files, shipped_folder
from varscore.options import RunOptions
from varscore.pictures.pages.target import check_page_target
from varscore.results.summary import check_summary
from varscore.results.target import check_result_target
from varscore.variant import Status

if TYPE_CHECKING:
    from varscore.models.model import Model

workflow = typer.Typer(help="The Snakemake workflow.", no_args_is_help=True)

_RESULT = "scores.parquet"
_NEXT = """Next, with a VCF of your own{first}:
  varscore model fetch basenji2
  varscore check my.vcf.gz --genome hg38.fa
  varscore score my.vcf.gz --genome hg38.fa -o scores.parquet
  varscore report scores.parquet -o report.html"""
_READ = ("demo.vcf", "genome.fa.gz", "genome.fa.gz.fai", "genome.fa.gz.gzi", "truth.tsv")


def demo(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")] = Path(
        "varscore-demo"
    ),
    scores: Annotated[
        Path | None,
        typer.Option(help="Show this result of the demo; score nothing.", show_default="none"),
    ] = None,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    force: given.Force = False,
) -> None:
    """Score the demo, show predicted beside true effects, and write the report.

    Its genome is simulated and its model small: the scores mean nothing for real genomes.
    """
    run = given.chosen(RunOptions, context)
    if scores is None:
        _lay_demo(output, force=force)
    page = (output / _RESULT if scores is None else scores).with_name("report.html")
    check_page_target(page, force=force)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_model

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    model = load_model("demo", device=run.device)
    if scores is None:
        scores = _score(run, output, model, force=force)
    from varscore.meaning.truth import against_truth
    from varscore.pictures.pages.render import write_page
    from varscore.reports.page import report_page

    source = shipped_folder("demo")
    typer.echo(against_truth(scores, source / "truth.tsv"))
    content = report_page(
        scores,
        background=source / "background.parquet",
        genome=source / "genome.fa.gz",
        model=model,
        memory=run.memory_bytes,
    )
    write_page(page, content)
    typer.echo("\n".join(_unscored(scores)))
    typer.echo(f"\nThe report, to open in a browser: {page}\n\n{_next_steps()}")


def _unscored(scores: Path) -> Iterator[str]:
    """Say what was not scored, a line for each reason."""
    from varscore.meaning.outcomes import outcomes

    others = [one for one in outcomes(scores, examples=1) if one.status != Status.SCORED]
    yield f"\n{sum(one.rows for one in others)} alleles were not scored, on purpose:"
    for one in others:
        example = one.examples[0].rpartition(" ")[0]  # without its ID
        yield f"  {one.rows} {one.status:18} {one.meaning}, such as {example}"


def _next_steps() -> str:
    """Say what to do now, and before it how the program is found where a shell does not."""
    activate = Path(sys.prefix, "bin", "activate")
    lacks = shutil.which("varscore") is None and activate.is_file()
    return _NEXT.format(first=f" (after: source {os.path.relpath(activate)})" if lacks else "")


def _lay_demo(output: Path, *, force: bool) -> None:
    """Lay the demo into a folder of its own, where its scores can be written."""
    source = shipped_folder("demo")
    result = output / _RESULT
    _lay(output, {output / name: source / name for name in _READ}, force=force)
    check_result_target(result, force=force)
    check_summary(result, force=force)


def _score(run: RunOptions, output: Path, model: Model, *, force: bool) -> Path:
    """Score the demo in its folder; return the result."""
    from varscore.scoring import score_vcf

    result = output / _RESULT
    vcf, genome = output / "demo.vcf", output / "genome.fa.gz"
    made = score_vcf(vcf, genome, result, model=model, force=force, memory=run.memory_bytes)
    made.save(result, force=force)
    typer.echo(f"{result}: {made}", err=True)
    return result


@workflow.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)],
    force: given.Force = False,
) -> None:
    """Lay the workflow, its configuration and the demo into a folder, to run and to change."""
    files = {
        folder / name: shipped_folder("workflow") / name for name in shipped_files("workflow")
    }
    place = folder / SHIPPED["demo"][0]
    files |= {place / name: shipped_folder("demo") / name for name in shipped_files("demo")}
    _lay(folder, files, force=force)
    profiles = folder / "profiles"
    if not profiles.exists():  # where Snakemake looks for the default profile
        profiles.symlink_to(Path("workflow_config", "profiles"))
    typer.echo(
        f"{folder}: the workflow; how to configure it: workflow_config/README.md there; the "
        f"demo: cd {folder} && snakemake --cores 2",
        err=True,
    )


def _lay(folder: Path, files: Mapping[Path, Path], *, force: bool) -> None:
    """Copy files into a folder that is made, none of them over another without force."""
    if folder.is_dir():
        for target in files:
            if target.parent.is_dir():
                check_target(target, force=force)
    try:
        for target in files:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output {folder}: cannot be made: {error.strerror}; give another name"
        ) from error
    for target, source in files.items():
        write_bytes(target, source.read_bytes())
