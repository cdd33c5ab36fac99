"""What the Snakefile asks of varscore: its config as options of the commands.

Imports no torch: Snakemake reads the Snakefile anew for every job on a cluster.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from varscore.errors import OptionError
from varscore.files.shipped import shipped_folder
from varscore.options import OPTIONS, names
from varscore.shards.config import PATHS, Settings

VARSCORE = shlex.join([sys.executable, "-m", "varscore"])
"""The varscore of the Python that runs Snakemake, whatever the PATH, quoted for a shell."""

_SCORES = re.compile(r"(\d{4,})\.parquet")


def own_words(
    config: Mapping[str, Any], words: Iterable[str] | None, meant: Mapping[str, Any]
) -> list[str]:
    """Return the words of the command line that a configuration has its values of.

    A module's has its values of the parent workflow, whose keys may have the same names.

    Parameters
    ----------
    config : mapping
    words : iterable of str, optional
        What stood on the command line, ``key=value`` each.
    meant : mapping
        What Snakemake made of these.
    """
    keyed = ((word, word.partition("=")[0]) for word in words or ())
    same = (word for word, key in keyed if key in config and config[key] == meant.get(key))
    return list(same)


def with_demo_files(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the demo's configuration, with its files where there are any.

    That is below the working directory, if it is the folder of the Snakefile, or else where
    varscore has them.

    Parameters
    ----------
    config : mapping
    """
    found = dict(config)
    for key in ("vcf", "genome"):
        if not Path(found[key]).exists():
            found[key] = str(shipped_folder("demo") / Path(found[key]).name)
    return found


def check_places(settings: Settings, *, part: bool = False) -> None:
    """Refuse files that the workflow could not tell from others, and a folder that is none.

    Snakemake takes results for good as soon as a file that they are made of is not there.

    Parameters
    ----------
    settings : Settings
    part : bool
        Whether another workflow may still have rules that make the VCF or the genome.

    Raises
    ------
    OptionError
        If the VCF or the genome is not there, if a file is a pipe or a device, or if no folder
        can be where the results are to be.
    """
    values = {**settings.options, "genome": settings.genome}
    given = [("vcf", path) for path in settings.vcf]
    given += [(key, values[key]) for key in PATHS if isinstance(values.get(key), str)]
    for key, path in given:
        if key in ("vcf", "genome") and not part and not os.path.exists(path):
            raise OptionError(
                f"config: {key}: {path}: no such file; give the name of one (relative names "
                f"start in {os.getcwd()})"
            )
        if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            raise OptionError(
                f"config: {key}: {path}: is a pipe or a device, which can be read but once; "
                "the workflow asks of files whether they have changed: write it to one first"
            )
    folder = Path(settings.out)
    place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not os.path.isdir(place):
        raise OptionError(
            f"config: out: {settings.out}: {place} is no folder; give a name at which a folder "
            "is or can be made"
        )


def plan_arguments(settings: Settings) -> str:
    """Return what `varscore plan` is given, but for files it writes, quoted for a shell.

    The model and what is scored is among it, so that a plan refuses what each shard would.
    """
    words = [*settings.vcf, "--genome", settings.genome, "--shards", str(settings.shards)]
    options = _arguments(settings, names("planned", "model", "scored"))
    return f"{shlex.join(words)} --no-forecast {options} --memory={settings.run.memory:g}"


def score_arguments(settings: Settings) -> str:
    """Return the options of `varscore score` that decide about scores, quoted for a shell."""
    return _arguments(settings, names("model", "scored"))


def shard_names(settings: Settings) -> list[str]:
    """Return the names of the shards, as `ShardEntry.file_name` has them."""
    return [f"{number:04d}" for number in range(1, settings.shards + 1)]


def surplus_scores(settings: Settings) -> list[str]:
    """Return scores of a former plan of more shards, which the present one has no place for."""
    folder = Path(settings.out) / "shards"
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [(path, _SCORES.fullmatch(path.name)) for path in there]
    return [str(path) for path, name in found if name and int(name[1]) > settings.shards]


def _arguments(settings: Settings, keys: Iterable[str]) -> str:
    words, options = [], settings.options
    for key in keys:
        value, option = options[key], OPTIONS[key].flag
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words.append(f"{option}={value}")  # one word: a value may begin with a minus sign
    return shlex.join(words)
