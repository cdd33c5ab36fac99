"""`varscore info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given


def info(
    scores: Annotated[
        Path,
        typer.Argument(help="A result: a Parquet file or a folder.", show_default=False),
    ],
    *,
    as_json: given.AsJson = False,
) -> None:
    """Say how a result was made, and by which command it is made again.

    The command names VCF, genome and model without their folders, as the result does.
    """
    from varscore.results.reading import opened_results, read_provenance
    from varscore.results.story import command, fill_in, tell

    made = read_provenance(scores)
    line = command(made, scores)
    if as_json:
        typer.echo(json.dumps({**made.to_json(), "command": line}, indent=2))
        return
    copies = [
        f"Mind: {reader.path.name} is {said}, of which all that follows is."
        for reader in opened_results(scores)
        if (said := reader.other_rows)
    ]
    again = [fill_in(made, scores), "", "The same again:", f"    {line}"]
    typer.echo("\n".join([*copies, *tell(made, scores), "", *again]))
