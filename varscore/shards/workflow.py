"""What the Snakefile asks of varscore: its config as options of the commands.

Imports no torch: Snakemake reads the Snakefile anew for every job on a cluster.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from varscore.options import OPTIONS, names
from varscore.shards.config import Settings

VARSCORE = shlex.join([sys.executable, "-m", "varscore"])
"""The varscore of the Python that runs Snakemake, whatever the PATH, quoted for a shell."""

_SCORES = re.compile(r"(\d{4,})\.parquet")


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
