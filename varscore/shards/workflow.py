"""What the Snakefile asks of varscore: its config as options of the commands.

Imports no torch: Snakemake reads the Snakefile anew for every job on a cluster.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from varscore.models.cache import find_model
from varscore.options import OPTIONS, names
from varscore.results.digest import fingerprint

_PIECES, _PIECE_BYTES = 64, 1 << 14
_FILES = ("params", "track_table", "tracks", "genes", "groups", "background")


def plan_arguments(config: Mapping[str, Any]) -> str:
    """Return the options of `varscore plan` that a config asks for, quoted for a shell."""
    return _arguments(config, names("planned"))


def score_arguments(config: Mapping[str, Any]) -> str:
    """Return the options of `varscore score` that decide about scores, quoted for a shell."""
    return _arguments(config, names("model", "scored"))


def shard_names(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the shards, as `ShardEntry.file_name` has them."""
    return [f"{number:04d}" for number in range(1, config["shards"] + 1)]


def input_samples(config: Mapping[str, Any]) -> dict[str, str]:
    """Return digests of samples of the files that a plan is made from, if they are there.

    Snakemake looks into a file only if it is newer than what was made of it. These tell
    another one that is older, as one that was moved there may be; of a file of 1 MiB or less
    all is in the sample, of a larger one 64 pieces spread over it, and its size.
    """
    keys = ("vcf", "genome", "regions", "contigs")
    files = {key: Path(config[key]) for key in keys if config.get(key)}
    return {key: _sample(file) for key, file in files.items() if file.is_file()}


def score_identity(config: Mapping[str, Any]) -> str:
    """Return a digest of what determines scores and stands in no option.

    That is varscore's version and the content of the files that options name: weights,
    their architecture, track tables. Snakemake scores again where it changes.

    Raises
    ------
    ModelError
        If the model is not there.
    """
    files = list(_model_files(config["model"]))
    files += [Path(config[key]) for key in _FILES if config[key] and _is_file(config[key])]
    return fingerprint({"files": {file.name: _sha256(file) for file in files}})


def _arguments(config: Mapping[str, Any], keys: Iterable[str]) -> str:
    words = []
    for key in keys:
        value, option = config[key], OPTIONS[key].flag
        if isinstance(value, list):
            value = ",".join(map(str, value))
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words.append(f"{option}={value}")  # one word: a value may begin with a minus sign
    return shlex.join(words)


def _model_files(model: str) -> Iterator[Path]:
    path = find_model(model)
    if path.is_file():
        yield path
        if path.suffix == ".h5" and (path.parent / "params.json").is_file():
            yield path.parent / "params.json"
    else:
        yield from sorted(file for file in path.iterdir() if file.is_file())


def _is_file(value: object) -> bool:
    return isinstance(value, str) and Path(value).is_file()


def _sample(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        for piece in range(_PIECES):
            file.seek(max(0, size - _PIECE_BYTES) * piece // (_PIECES - 1))
            digest.update(file.read(_PIECE_BYTES))
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
