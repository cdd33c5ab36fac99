"""``varscore model``: what models there are and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from varscore.cli import options as given
from varscore.cli.options import own_option
from varscore.cli.refusals import check_model
from varscore.errors import OptionError, OutputError
from varscore.options import Activation, ModelOptions

if TYPE_CHECKING:
    from varscore.models.checkpoint import Checkpoint

# torch and the hub's client are imported where they are used: `varscore --help` is quick.

app = typer.Typer(
    help="List, inspect, fetch and convert models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


Form = Literal["native", "hub", "keras"]
PublishedForm = Literal["hub", "keras"]


ModelArgument = Annotated[str, typer.Argument(help="Name (demo, basenji2) or path of weights.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


@app.command("list")
def list_models() -> None:
    """List the models known by name, and where they are."""
    from varscore.models.cache import NAMES, find_named

    for name in NAMES:
        path = find_named(name)
        absent = f"varscore model fetch {name}" if name != "demo" else "in a source checkout"
        state = f"present\t{path}" if path else f"absent\t{absent}"
        typer.echo(f"{name}\t{state}")


@app.command()
def info(
    model: ModelArgument,
    params: given.Params = None,
    activation: given.ActivationName = None,
    track_table: given.TrackTableFile = None,
    head: given.Head = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a model's architecture, parameters, tracks, activation, origin and SHA-256."""
    checkpoint = read_weights(model, params, activation, track_table, head)
    facts = _facts(checkpoint)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            typer.echo(f"{name}:")
            for key, item in value.items():
                typer.echo(f"  {key}: {item}")
        else:
            typer.echo(f"{name}: {value}")


@app.command()
def fetch(
    model: Annotated[str, typer.Argument(help="Name of a published model.")] = "basenji2",
    form: Annotated[
        PublishedForm,
        own_option("form", PublishedForm, "The hub's port, or the original Keras weights."),
    ] = "hub",
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub (default: main).")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Another address of the original weights.")
    ] = None,
    params_url: Annotated[
        str | None, typer.Option(help="Another address of their architecture JSON.")
    ] = None,
    tracks_url: Annotated[
        str | None, typer.Option(help="Another address of the track table.")
    ] = None,
    track_table: Annotated[
        bool, typer.Option(help="Fetch the track table, which names the tracks.")
    ] = True,
    sha256: Annotated[str | None, typer.Option(help="What the weights must have.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where to (default: the model cache, which $VARSCORE_CACHE moves)."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Fetch a published model and its track table, and record what came from where.

    A fetched folder can be copied to a machine without network and given as the model.
    """
    from varscore.models.fetch import fetch_model

    path = fetch_model(
        model,
        form=form,
        revision=revision,
        weights_url=url,
        params_url=params_url,
        tracks_url=tracks_url,
        track_table=track_table,
        expected_sha256=sha256,
        folder=folder,
        force=force,
    )
    typer.echo(str(path))


@app.command()
def convert(
    source: ModelArgument,
    destination: Annotated[Path, typer.Argument(help="File or, for the hub's form, folder.")],
    to: Annotated[
        Form | None,
        own_option(
            "to",
            Form | None,
            "Form of what is written.",
            unset="keras for .h5, native for .safetensors, hub without suffix",
        ),
    ] = None,
    params: given.Params = None,
    activation: given.ActivationName = None,
    track_table: given.TrackTableFile = None,
    head: given.Head = None,
    force: ForceOption = False,
) -> None:
    """Write a model's weights in another form."""
    if to is None:
        suffixes: dict[str, Form] = {".h5": "keras", ".safetensors": "native", "": "hub"}
        to = suffixes.get(destination.suffix)
        if to is None:
            raise OptionError(
                f"{destination}: its suffix tells no form; give --to native, hub or keras"
            )
    _refuse_existing(destination, force)
    check_model(ModelOptions(model=source, params=params, track_table=track_table))
    from varscore.models.cache import TRACKS_FILE
    from varscore.models.formats.keras import PARAMS_FILE
    from varscore.models.registry import write_checkpoint

    if to == "keras":
        for companion in (PARAMS_FILE, TRACKS_FILE):
            _refuse_existing(destination.with_name(companion), force)
    write_checkpoint(
        read_weights(source, params, activation, track_table, head), destination, to
    )
    typer.echo(str(destination))


@app.command()
def random(
    output: Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file.")],
    seed: Annotated[
        int,
        own_option(
            "seed", int, "The same seed gives the same weights.", minimum=0, maximum=2**63 - 1
        ),
    ] = 0,
    config: Annotated[
        Path | None,
        typer.Option(help="JSON with fields of the architecture that differ from Basenji2's."),
    ] = None,
    window_length: Annotated[
        int | None, own_option("window_length", int | None, "Bases of a window.", minimum=1)
    ] = None,
    tracks: Annotated[
        int | None, own_option("tracks", int | None, "Number of tracks.", minimum=1)
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write a model with random weights, full size by default, for benchmarks only."""
    _refuse_existing(output, force)
    from varscore.models.config import BasenjiConfig
    from varscore.models.files import read_json

    fields = read_json(config) if config else {}
    numbers = {"window_length": window_length, "n_tracks": tracks}
    fields |= {name: value for name, value in numbers.items() if value is not None}
    try:
        architecture = BasenjiConfig(**fields)
    except (TypeError, ValueError) as error:
        raise OptionError(f"random model: {error}") from error
    from varscore.models.formats.native import write_native
    from varscore.models.random import random_checkpoint

    checkpoint = random_checkpoint(architecture, seed)
    _note(checkpoint)
    write_native(checkpoint, output)
    typer.echo(str(output))


def read_weights(
    model: str,
    params: Path | None,
    activation: Activation | None,
    track_table: Path | None,
    head: str | None,
) -> Checkpoint:
    """Read a model's weights, and say if they are not of a model in earnest.

    Parameters
    ----------
    model, params, activation, track_table, head
        As for `varscore.models.registry.read_checkpoint`, which says what may be raised, too.
    """
    check_model(ModelOptions(model=model, params=params, track_table=track_table))
    from varscore.models.registry import read_checkpoint

    checkpoint = read_checkpoint(
        model,
        params=params,
        activation=activation,
        track_table=track_table,
        head=head,
    )
    _note(checkpoint)
    return checkpoint


def _note(checkpoint: Checkpoint) -> None:
    from varscore.models.notice import notice

    sentence = notice(checkpoint.metadata)
    if sentence:
        typer.echo(f"varscore: note: {sentence}", err=True)


def _facts(checkpoint: Checkpoint) -> dict[str, Any]:
    config, table = checkpoint.config, checkpoint.tracks
    return {
        **checkpoint.metadata,
        "parameters": checkpoint.n_parameters,
        "reads": f"{config.window_length} bases",
        "predicts": f"{config.n_bins} bins of {config.bin_width} bases",
        "tracks": config.n_tracks,
        "track names": f"known, such as {table.identifiers[0]}" if table else "not known",
        "dilations": list(config.dilations),
        "architecture": config.to_dict(),
    }


def _refuse_existing(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise OutputError(f"{path}: it exists; give --force to replace it")
