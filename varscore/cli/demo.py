"""`varscore demo` and `varscore workflow init`: what comes along, laid into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from varscore.atomic import check_target, write_bytes
from varscore.cli import options as given
from varscore.cli.options import RUN
from varscore.errors import OutputError
from varscore.options import RunOptions
from varscore.results.summary import check_summary
from varscore.results.target import check_result_target
from varscore.shipped import SHIPPED, shipped_files, shipped_folder

workflow = typer.Typer(help="The Snakemake workflow.", no_args_is_help=True)

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
    """Score the demo, and show predicted beside true effects.

    Its genome is simulated and its model small: the scores mean nothing for real genomes.
    """
    if scores is None:
        scores = _score(given.chosen(RunOptions, context), output, force=force)
    from varscore.meaning.truth import against_truth

    typer.echo(against_truth(scores, shipped_folder("demo") / "truth.tsv"))


def _score(run: RunOptions, output: Path, *, force: bool) -> Path:
    """Score the demo in a folder of its own; return the result."""
    source = shipped_folder("demo")
    files = {output / name: source / name for name in _READ}
    result = output / "scores.parquet"
    _lay(output, files, force=force)
    check_result_target(result, force=force)
    check_summary(result, force=force)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_model
    from varscore.scoring import score_vcf

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    vcf, genome = output / "demo.vcf", output / "genome.fa.gz"
    model = load_model("demo", device=run.device)
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
        f"demo: cd {folder} && snakemake --cores 2 --configfile workflow_config/demo.yaml",
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
