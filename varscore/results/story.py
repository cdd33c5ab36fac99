"""How a result was made: told in words, and as the command that makes it again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varscore.inputs.saturation import named
from varscore.models.cache import NAMES
from varscore.models.notice import notice
from varscore.options import OPTIONS
from varscore.results.provenance import Provenance, no_scores
from varscore.results.summary import status_counts
from varscore.variant import Status

_OF_SCORES = ("statistics", "tracks", "around", "genes", "background")
_OF_ARITHMETIC = ("engine", "precision")
# What `varscore.inputs` calls what has no file, and a word in its place in a command.
_NO_FILES = {"data frame": "VCF", "standard input": "-"}
_MORE_VARIANTS = re.compile(r":[^:]* and \d+ more$")


def tell(made: Provenance, file: str | Path) -> list[str]:
    """Tell how a result was made.

    Parameters
    ----------
    made : Provenance
    file : str or Path
        The result.

    Returns
    -------
    list of str
        What to mind, where there is such, and then what `how_made` says.

    Raises
    ------
    OutputError
        If it is no result, but a shard of a plan.
    """
    warning = notice(_model(made, file))
    return [*([f"Mind: {warning}."] if warning else []), *how_made(made, file)]


def how_made(made: Provenance, file: str | Path) -> list[str]:
    """Tell how a result was made, and nothing of what its numbers are worth.

    Parameters
    ----------
    made, file
        As for `tell`.

    Returns
    -------
    list of str
        Sentences, each about one thing: what was scored, by which model, on which genome, what
        was computed, with which options that are not the defaults, what became of the
        variants, in which arithmetic.

    Raises
    ------
    OutputError
        As `tell`.
    """
    return [
        f"{Path(file).name} has scores of {made.vcf}, made by varscore {made.version}.",
        _of_model(_model(made, file)),
        _of_genome(made),
        _of_scores(made),
        *_of_options(made.options),
        _of_rows(made),
        *_of_arithmetic(made),
    ]


def command(made: Provenance, file: str | Path) -> str:
    """Return the command that makes a result again.

    Parameters
    ----------
    made : Provenance
    file : str or Path
        The result, for the command's output.

    Returns
    -------
    str
        Quoted for a shell, with the options that are not the defaults. VCF, genome and model
        are named as the record has them, without their folders; ``VCF`` stands for a data
        frame or several variants that were given as words. Of a saturation's scores, what
        makes its folder.

    Raises
    ------
    OutputError
        If it is no result, but a shard of a plan.
    """
    model, output, options = _model(made, file), str(file), dict(made.options)
    if saturation := named(made.vcf):
        region, deletions = saturation
        what = ["saturate", region, *(["--deletions"] if deletions else [])]
        output = str(Path(file).parent)  # a folder, with more than the scores
        del options["region"]
    else:
        what = ["score", *_inputs(made.vcf)]
        if made.background is not None and options.get("background") is None:
            # It was applied after scoring, to the same effect.
            options["background"] = made.background.file
    words = ["varscore", *what, "--genome", made.genome.file]
    words += ["--output", output, *_model_words(model)]
    for name, value in _changed(options).items():
        words += _option_words(name, value)
    return shlex.join(words)


def fill_in(made: Provenance, file: str | Path) -> str:
    """Tell what the command that makes a result again does not have.

    Parameters
    ----------
    made, file
        As for `command`.

    Raises
    ------
    OutputError
        As `command`.
    """
    model = _model(made, file)
    files = "The command names files without their folders: put in where they are now"
    if str(model["name"]) in NAMES:
        weights = ""
    else:
        weights = (
            f", and in place of {_model_words(model)[1]} the weights with the SHA-256 "
            f"{model['sha256']}, whatever their name"
        )
    return f"{files}{weights}."


def _model(made: Provenance, file: str | Path) -> dict[str, Any]:
    if made.model is None:
        raise no_scores(file)
    return made.model


def _of_model(model: dict[str, Any]) -> str:
    config = model.get("config", {})
    text = f"The model is {model['name']}, whose weights have the SHA-256 {model['sha256']}"
    if length := config.get("window_length"):
        text += f": it reads {length:,} bases and predicts {config['n_tracks']:,} tracks"
    if activation := model.get("activation"):
        text += f", with the activation {activation} ({model['activation_source']})"
    if table := model.get("track_table"):
        text += f". {table} names its tracks"
    if source := model.get("source"):
        text += f". It comes from: {source}"
    return text.removesuffix(".") + "."


def _of_genome(made: Provenance) -> str:
    lengths = made.genome.contigs
    text = f"The genome is {made.genome.file}: {_counted(len(lengths), 'contig')}"
    text += f" of {sum(lengths.values()):,} bases together"
    if made.genome.m5:
        text += f", digests kept of {', '.join(made.genome.m5)}"
    return text + "."


def _of_scores(made: Provenance) -> str:
    options = made.options
    text = f"Scores are {', '.join(options['statistics'])}"
    tracks = options.get("tracks")
    if tracks is None:
        text += " of all tracks"
    elif isinstance(tracks, str):
        text += f" of the tracks {tracks!r}"
    else:
        text += f" of {_counted(len(tracks), 'track')} ({_some(tracks)})"
    if made.genes is not None:
        bins = {"tss": "start sites", "exons": "exons", "body": "bodies"}[options["gene_bins"]]
        text += f", over the {bins} of genes near each variant, from {made.genes.file}"
        text += f" (SHA-256 {made.genes.sha256})"
    else:
        text += f", over {_widths(options.get('around', ['window']))}"
    if made.background is not None:
        text += f"; quantiles are among those of {made.background.file}"
        text += f" (SHA-256 {made.background.sha256})"
    return text + "."


def _of_options(options: Mapping[str, Any]) -> list[str]:
    """Tell of what is not the default, and not told already."""
    told = [
        f"{name} is {_value(value)} (default: {OPTIONS[name].default_text})"
        for name, value in _changed(options).items()
        if name not in (*_OF_SCORES, *_OF_ARITHMETIC)
    ]
    return [f"Options: {'; '.join(told)}."] if told else ["All other options are the defaults."]


def _of_rows(made: Provenance) -> str:
    scored = made.statuses.get(Status.SCORED.value, 0)
    text = f"It has {_counted(made.rows, 'row')}, {scored:,} of them scored"
    others = {name: n for name, n in made.statuses.items() if name != Status.SCORED}
    return text + (f"; the others: {status_counts(others, made.reasons)}." if others else ".")


def _of_arithmetic(made: Provenance) -> list[str]:
    if made.engine is None:
        return []
    how, precision = made.engine, made.options.get("precision", "float32")
    text = f"It was computed with the engine {how.engine} in {precision} precision"
    text += f" (products by {how.kernel}, differences in {how.differences})"
    text += f" on {how.device}, {how.processor}"
    return [text + (f", with PyTorch {made.torch}." if made.torch else ".")]


def _widths(around: list[Any]) -> str:
    texts = [
        "the whole window"
        if width == "window"
        else f"the bins within {width:,} bases of the variant"
        for width in around
    ]
    return " and ".join(texts)


def _changed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are not the defaults, in the order of their descriptions."""
    return {
        name: options[name]
        for name, option in OPTIONS.items()
        if name in options and _plain(options[name]) != _plain(option.default)
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _option_words(name: str, value: Any) -> list[str]:
    flag = OPTIONS[name].flag
    if value is True:
        return [flag]
    text = _value(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _inputs(vcf: str) -> list[str]:
    """Return the words of the inputs, which a record names between commas."""
    words = [_NO_FILES.get(name, name) for name in vcf.split(", ")]
    return ["VCF" if _MORE_VARIANTS.search(word) else word for word in words]


def _model_words(model: dict[str, Any]) -> list[str]:
    name, form = str(model["name"]), model.get("form")
    if name not in NAMES:
        name += {"native": ".safetensors", "keras": ".h5"}.get(str(form), "")
    words = ["--model", name]
    for option in ("params", "track_table"):
        if option in model:
            words += _option_words(option, model[option])
    if str(model.get("activation_source", "")).startswith("option"):
        words += ["--activation", str(model["activation"])]
    return words


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "on" if value is True else str(value)


def _some(names: list[str], shown: int = 5) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
