"""The workflow's configuration: what a person typed, read as what was meant, or refused.

YAML, and Snakemake's command line, make numbers, dates and truth values of much that is meant
as text: ``20:30`` is 1230 to YAML. Text is taken as it was typed where that is known, and what
is no text is refused where it is not.

Imports no torch: Snakemake reads the Snakefile anew for every job on a cluster.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from varscore.errors import OptionError
from varscore.files.shipped import shipped_folder
from varscore.models.cache import DEMO
from varscore.models.selection import nearest
from varscore.options import OPTIONS, ModelOptions, Option, RunOptions, ScoreOptions, names

KEYS: dict[str, Option] = {
    **{
        option.name: option
        for option in (
            Option("vcf", tuple[str, ...], None, "VCF, BCF or table of variants to score."),
            Option("genome", str, None, "FASTA of the VCF's build."),
            Option("out", str, None, "Folder for the result and all that leads to it."),
            Option("shards", int, 8, "Number of scoring jobs.", minimum=1),
            Option("order", Literal["input", "genome"], "input", "Order of the result's rows."),
            Option("dataset", bool, False, "Write a folder of files in place of one file."),
            Option("report", bool, True, "Write the result as a page for a browser, too."),
            Option("memory_mb", int, 6000, "Memory of a scoring job in MB.", minimum=1),
            Option("runtime", int, 240, "Longest time of a scoring job in min.", minimum=1),
            Option("gpu", int, 0, "GPUs of a scoring job.", minimum=0, maximum=1),
        )
    },
    **OPTIONS,
}
"""Every key of the configuration, by its name."""

_DEFAULTS = {"threads": 1}  # a job's, not all that a node has
_REQUIRED = ("vcf", "genome", "out")
PATHS = (*_REQUIRED, "model", "params", "track_table", "tracks", "genes", "groups",
         "background", "regions", "contigs")  # fmt: skip
"""Keys whose values are, or may be, paths."""
_OWN_PART = (
    "another workflow's keys stay apart from varscore's where it is loaded as a module with a "
    "part of the configuration: `config: config['varscore']`"
)
_NONE = ("", "~", "null", "none")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_LAST_CONTIG = 59  # a greater number may be a time of day: YAML makes one of 1:00


@dataclass(frozen=True)
class Settings:
    """A configuration that was read.

    Attributes
    ----------
    vcf : tuple of str
        One or several files, whose rows follow one another.
    genome : str
    out : str
        Relative if it lies below the working directory, without a slash at its end.
    shards, memory_mb, runtime, gpu : int
    order : {"input", "genome"}
    dataset, report : bool
    model : ModelOptions
    score : ScoreOptions
    run : RunOptions
    """

    vcf: tuple[str, ...]
    genome: str
    out: str
    shards: int
    order: str
    dataset: bool
    report: bool
    memory_mb: int
    runtime: int
    gpu: int
    model: ModelOptions
    score: ScoreOptions
    run: RunOptions

    @classmethod
    def read(
        cls,
        config: Mapping[str, Any],
        words: Iterable[str] | None = (),
        *,
        part: bool = False,
    ) -> Self:
        """Read a configuration.

        Parameters
        ----------
        config : mapping
            Snakemake's, of files and the command line.
        words : iterable of str, optional
            What stood on the command line, ``key=value`` each, as it was typed.
        part : bool
            Whether it is a workflow's of which this one is a part.

        Raises
        ------
        OptionError
            If a key is unknown, missing or has a value that is not allowed, or that may not
            be what was typed.
        """
        if unknown := next((key for key in config if key not in KEYS), None):
            advice = "; " + _OWN_PART if part else ""
            raise OptionError(
                f"config: {unknown!r} is no key; {nearest(str(unknown), KEYS)}; "
                f"workflow_config/README.md lists them{advice}"
            )
        typed = dict(word.split("=", 1) for word in words or () if "=" in word)
        values = {key: _read(option, config, typed) for key, option in KEYS.items()}
        for key in _REQUIRED:
            if values[key] is None:
                raise OptionError(
                    f"config: {key} is not given; set vcf, genome, out and model, or score the "
                    "demo with --configfile workflow_config/demo.yaml"
                )
        if values["model"] is None:
            values["model"] = _demo_model(values["vcf"])
        values["out"] = _folder(values["out"])
        own = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        own["model"] = ModelOptions(**{name: values[name] for name in names("model")})
        scored = names("scored", "planned")
        score = ScoreOptions(**{name: values[name] for name in scored})
        run = RunOptions(**{name: values[name] for name in names("run")})
        return cls(**own, score=score, run=run)

    @property
    def options(self) -> dict[str, Any]:
        """Every option of scoring by its name."""
        return {**asdict(self.model), **asdict(self.score), **asdict(self.run)}


def _read(option: Option, config: Mapping[str, Any], typed: Mapping[str, str]) -> Any:
    """Return the value of a key, or its default; None for what must be given and is not."""
    key, value = option.name, config.get(option.name)
    if key in typed and not isinstance(value, list):
        value = _unquoted(typed[key])
    elif key in typed:
        value = [_unquoted(word) for word in typed[key].strip("[] ").split(",")]
    if value is None or (isinstance(value, str) and value.strip().lower() in _NONE):
        return None if key == "model" else _DEFAULTS.get(key, option.default)
    value = _converted(option, value)
    if key in PATHS:
        value = os.path.expanduser(value) if isinstance(value, str) else value
        if isinstance(value, list):
            value = [os.path.expanduser(one) for one in value]
    return option.read(value)


def _converted(option: Option, value: Any) -> Any:
    """Return a value as the kind that its option has."""
    key = option.name
    if option.hint is bool:
        word = str(value).lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise OptionError(f"config: {key}: {value!r} is neither true nor false")
    if isinstance(value, list) and (option.is_list or key == "tracks"):
        return [_one(option, element) for element in value]
    if isinstance(value, str) and option.is_list and value[:1] + value[-1:] == "[]":
        return [_one(option, _unquoted(word)) for word in value[1:-1].split(",")]
    if option.is_list and key != "vcf" and isinstance(value, str):
        return [_one(option, word.strip()) for word in value.split(",") if word.strip()]
    one = _one(option, value)
    return [one] if key == "vcf" else one


def _one(option: Option, value: Any) -> Any:
    """Return a number or text that is one, and refuse what YAML made of something else."""
    if option.number is None:
        return _text(option.name, value)
    if isinstance(value, bool):
        raise OptionError(f"config: {option.name}: {value!r} is not a number")
    if isinstance(value, str):
        try:
            value = float(value) if "e" in value.lower() or "." in value else value
        except ValueError:
            return value  # `Option.read` says what is allowed
    if option.number is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _text(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if key == "region" and type(value) is int and 0 < value <= _LAST_CONTIG:
        return str(value)
    raise OptionError(
        f"config: {key}: YAML reads {value!r} there, which is no text and may not be what was "
        "typed (20:30 is 1230 to it, 007 is 7); put the value into quotes"
    )


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _folder(out: str) -> str:
    """Return one spelling of a folder, whichever it was given in."""
    if "{" in out or "}" in out:
        raise OptionError(
            f"config: out: {out!r} has braces, which are Snakemake's wildcards; give another "
            "name"
        )
    path = os.path.relpath(out)
    return os.path.abspath(out) if path.startswith(os.pardir) else path


def _demo_model(vcf: Iterable[str]) -> str:
    """Return the demo's model for the demo's VCF; every other is to be scored with its own."""
    demo = shipped_folder("demo") / "demo.vcf"
    if demo.is_file() and all(Path(f).is_file() and demo.samefile(f) for f in vcf):
        return DEMO
    raise OptionError(
        "config: model is not given; name one, such as model=basenji2 (`varscore model list`)"
    )
