"""Options of commands, made once from their descriptions in `varscore.options`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from varscore.options import (
    OPTIONS,
    Activation,
    Device,
    EngineName,
    GeneBins,
    IndelMode,
    ModelOptions,
    Option,
    Precision,
    RunOptions,
    ScoreOptions,
    SwappedMode,
    WindowKind,
)

Chosen = TypeVar("Chosen", ScoreOptions, ModelOptions, RunOptions)

MODEL, SCORE, RUN = ModelOptions(), ScoreOptions(), RunOptions()
"""Their fields are the defaults."""


def cli_option(name: str, *short: str) -> Any:
    """Return an option of scoring, and another name for it, as one of the command line."""
    return _typer_option(OPTIONS[name], *short)


def own_option(
    name: str,
    hint: Any,
    help: str,
    *,
    default: object = None,
    unset: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    short: str | None = None,
) -> Any:
    """Return an option that a single command has.

    Parameters
    ----------
    name, hint, help, default, unset, minimum, maximum
        As in `varscore.options.Option`.
    short : str, optional
        Another name on the command line, such as ``-n``.
    """
    option = Option(name, hint, default, help, unset, minimum, maximum)
    return _typer_option(option, *([short] if short else []))


def _typer_option(option: Option, *short: str) -> Any:
    """Return an option that reads, and refuses, values as its description does."""
    if option.hint is bool:
        return typer.Option(option.flag, help=option.help)
    metavar, text, one = None, option.help, "One or more" if option.is_list else "One"
    if option.number:
        metavar = "INTEGER" if option.number is int else "NUMBER"
    elif option.choices:
        metavar, text = "NAME", f"{text} {one} of {', '.join(option.choices)}."
    if option.is_list:
        metavar = f"{metavar},..."
    if option.minimum is not None:
        text += f" At least {option.minimum}."
    if option.maximum is not None:
        text += f" At most {option.maximum}."
    return typer.Option(
        option.flag,
        *short,
        help=text,
        metavar=metavar,
        # A list stays text, as signatures say: typer would take several words for it.
        parser=option.read if metavar and not option.is_list else None,
        show_default=True if option.default is not None else option.unset or False,
    )


def chosen(kind: type[Chosen], context: typer.Context) -> Chosen:
    """Return the options of one kind that a command has, as they were given or by default.

    Parameters
    ----------
    kind : type
        `ScoreOptions`, `ModelOptions` or `RunOptions`; of it, a command may have some fields.
    context : typer.Context
        Of the command: it knows the options by their names.

    Raises
    ------
    OptionError
        If a value is not one of those allowed, or contradicts another.
    """
    names = {field.name for field in fields(kind)}
    values = {name: value for name, value in context.params.items() if name in names}
    return kind(**{name: value for name, value in values.items() if value is not None})


_VCF = typer.Argument(
    help="VCF, BCF or table of variants, - for standard input, or a variant such as "
    "chr1:12345:A:G; one or more.",
    show_default=False,
)
Vcf = Annotated[list[str], _VCF]
OptionalVcf = Annotated[list[str] | None, _VCF]
Genome = Annotated[
    Path,
    typer.Option(
        "--genome", "-g", help="Indexed FASTA of the VCF's build.", show_default=False
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Work in parts beside the output, and go on from those there."
    ),
]
Summary = Annotated[
    Path | None,
    typer.Option(help="File for the summary of the run.", show_default="beside the output"),
]
Tissue = Annotated[
    str | None, typer.Option(help="Tracks of this tissue, such as liver.", show_default="all")
]
Assay = Annotated[
    str | None, typer.Option(help="Tracks of this assay, such as DNASE.", show_default="all")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Model = Annotated[str, cli_option("model")]
Params = Annotated[Path | None, cli_option("params")]
ActivationName = Annotated[Activation | None, cli_option("activation")]
TrackTableFile = Annotated[Path | None, cli_option("track_table")]
Head = Annotated[str | None, typer.Option(help="Which head, for Keras weights with several.")]

Statistics = Annotated[str, cli_option("statistics")]
Tracks = Annotated[str | None, cli_option("tracks")]
Around = Annotated[str, cli_option("around")]
GenesFile = Annotated[Path | None, cli_option("genes")]
GeneBinsName = Annotated[GeneBins, cli_option("gene_bins")]
TssWidth = Annotated[int, cli_option("tss_width")]
Groups = Annotated[str | None, cli_option("groups")]
TopTracks = Annotated[int, cli_option("top_tracks")]
BackgroundFile = Annotated[Path | None, cli_option("background", "-B")]
KeepTracks = Annotated[bool, cli_option("keep_tracks")]
Windows = Annotated[WindowKind, cli_option("windows")]
Indels = Annotated[IndelMode, cli_option("indels")]
ReverseComplement = Annotated[bool, cli_option("reverse_complement")]
Shifts = Annotated[str, cli_option("shifts")]
Engine = Annotated[EngineName, cli_option("engine")]
PrecisionName = Annotated[Precision, cli_option("precision")]

Region = Annotated[str | None, cli_option("region")]
Regions = Annotated[Path | None, cli_option("regions")]
MaxAlleleLength = Annotated[int, cli_option("max_allele_length")]
AllowRefMismatches = Annotated[bool, cli_option("allow_ref_mismatches")]
Swapped = Annotated[SwappedMode, cli_option("swapped")]
Contigs = Annotated[Path | None, cli_option("contigs")]
Strict = Annotated[bool, cli_option("strict")]

DeviceName = Annotated[Device, cli_option("device")]
Threads = Annotated[int | None, cli_option("threads")]
Memory = Annotated[float, cli_option("memory")]

DEFAULT_STATISTICS = OPTIONS["statistics"].default_text
DEFAULT_AROUND = OPTIONS["around"].default_text
DEFAULT_SHIFTS = OPTIONS["shifts"].default_text
