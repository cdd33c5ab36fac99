"""The command line: typed commands, and the one place that turns errors into exit codes."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from varscore.cli import (
    annotate,
    background,
    bench,
    check,
    demo,
    explain,
    haplotypes,
    info,
    model,
    predict,
    profile,
    report,
    saturate,
    score,
    selftest,
    top,
    tracks,
    verify,
    workflow,
)
from varscore.errors import VarscoreError
from varscore.version import __version__

app = typer.Typer(
    name="varscore",
    help="Score genetic variants with Basenji2.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(score.score)
app.command()(check.check)
app.command()(workflow.plan)
app.command()(workflow.merge)
app.command()(top.top)
app.command()(explain.explain)
app.command()(profile.profile)
app.command()(predict.predict)
app.command()(saturate.saturate)
app.command()(report.report)
app.command()(annotate.annotate)
app.command()(tracks.tracks)
app.command()(info.info)
app.command()(verify.verify)
app.command()(selftest.selftest)
app.command()(haplotypes.haplotypes)
app.command()(bench.bench)
app.command()(demo.demo)
app.add_typer(background.app, name="background")
app.add_typer(model.app, name="model")
app.add_typer(demo.workflow, name="workflow")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"varscore {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Score genetic variants with Basenji2."""


def main() -> None:
    """Run the command line; a `VarscoreError` becomes one line and exit code 1."""
    logging.basicConfig(
        stream=sys.stderr, format="varscore: %(message)s", level=logging.WARNING
    )
    logging.getLogger("varscore").setLevel(logging.INFO)
    try:
        app()
    except VarscoreError as error:
        typer.echo(f"varscore: error: {error}", err=True)
        raise SystemExit(1) from None
