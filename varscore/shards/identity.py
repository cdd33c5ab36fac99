"""What determines the workflow's results, by content: names and spellings decide nothing.

Each step has an identity: a digest of the content of its files, its options in one form and
varscore's version. It is in the name of a file in the plan, ``score-<digest>.identity.json``,
which a step's rule has among its inputs. Where an option or a file has changed, that file is
not there; it is made, in place of the former one, and so the step runs again, wherever
Snakemake was started and whatever it remembers.

Files are digested in full once. From then on one is taken for the same if size and a sample
are the same and its date is no newer than the identity; if newer, it is digested again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varscore.files.digest import sha256
from varscore.models.cache import FETCH_RECORD, find_model
from varscore.models.catalogue import catalogued, find_tracks
from varscore.models.tracks import TrackTable
from varscore.options import names
from varscore.results.digest import fingerprint
from varscore.shards.config import Settings
from varscore.version import __version__

STEPS = ("plan", "score", "merge")

_PIECES, _PIECE_BYTES = 64, 1 << 14
_DIGITS = 16
_SUFFIX = ".identity.json"

Made = Callable[[str], bool]
"""Tells of a path whether a rule of the workflow makes it."""


@dataclass(frozen=True)
class Identity:
    """What determines a step's results.

    Attributes
    ----------
    step : {"plan", "score", "merge"}
    facts : dict
        JSON-ready: all but files.
    files : dict of str to dict
        By their part in it ``size``, ``sample`` and ``sha256``; None for a file that a rule of
        the workflow makes, whose dates Snakemake looks after.
    """

    step: str
    facts: dict[str, Any]
    files: dict[str, dict[str, Any] | None]

    @property
    def name(self) -> str:
        """Of its file, without the suffix ``.identity.json``."""
        content = {role: file and file["sha256"] for role, file in self.files.items()}
        digest = fingerprint({"step": self.step, "facts": self.facts, "files": content})
        return f"{self.step}-{digest[:_DIGITS]}"

    @property
    def text(self) -> str:
        """What stands in its file."""
        content = {"version": __version__, "facts": self.facts, "files": self.files}
        return json.dumps(content, sort_keys=True)


class Identities:
    """The identities of a configuration's steps.

    Parameters
    ----------
    settings : Settings
    made : callable
    reuse : bool
        Take what is in the plan as it is: a job's own Snakemake asks nothing anew.
    """

    def __init__(self, settings: Settings, made: Made, *, reuse: bool = False) -> None:
        self._settings, self._made, self._reuse = settings, made, reuse
        self._found: dict[str, Identity] = {}

    def name(self, step: str) -> str:
        """Return the name of a step's identity, without its suffix.

        Parameters
        ----------
        step : {"plan", "score", "merge"}

        Raises
        ------
        VarscoreError
            If a file that determines it is not there.
        """
        if self._reuse and (there := present(self._settings.out, step)):
            return there.name.removesuffix(_SUFFIX)
        return self._identity(step).name

    def text(self, step: str) -> str:
        """Return what stands in a step's identity."""
        return self._identity(step).text

    def _identity(self, step: str) -> Identity:
        if step not in self._found:
            known = _Known.of(present(self._settings.out, step))
            make = {"plan": self._plan, "score": self._score, "merge": self._merge}[step]
            facts, paths = make()
            files = {role: self._content(path, known, role) for role, path in paths.items()}
            self._found[step] = Identity(step, facts, files)
        return self._found[step]

    def _content(self, path: str, known: _Known, role: str) -> dict[str, Any] | None:
        # What a rule will make may not be there, or be what it made before.
        return None if self._made(path) else known.content(Path(path), role)

    def _plan(self) -> tuple[dict[str, Any], dict[str, str]]:
        settings = self._settings
        paths = {f"vcf {number}": path for number, path in enumerate(settings.vcf)}
        paths["genome"] = settings.genome
        options = _options(settings, names("planned"))
        for name in ("regions", "contigs"):
            if path := options.pop(name):
                paths[name] = path
        return {"shards": settings.shards, "options": options}, paths

    def _score(self) -> tuple[dict[str, Any], dict[str, str]]:
        settings = self._settings
        model = settings.model
        paths = {role: str(path) for role, path in _model_files(model.model, model.params)}
        options = _options(settings, names("model", "scored"))
        for name in ("model", "params"):
            options.pop(name)
        for name in ("track_table", "genes", "background", "groups"):
            if options[name] is not None and Path(options[name]).is_file():
                paths[name] = options.pop(name)
        options["tracks"] = self._tracks(paths)
        return {"options": options}, paths

    def _tracks(self, paths: dict[str, str]) -> Any:
        """Return the tracks that are chosen, if it can be told which; else how."""
        wanted, model = self._settings.score.tracks, self._settings.model
        if wanted is None:
            return None
        table = find_tracks(model.model)
        if model.track_table is not None:
            table = catalogued(TrackTable.read(model.track_table))
        if table is not None:
            return {"identifiers": list(table.select(wanted).identifiers)}
        if isinstance(wanted, str) and Path(wanted).is_file():
            paths["tracks"] = wanted
            return None
        words = wanted.split(",") if isinstance(wanted, str) else wanted
        return {"words": [word.strip() for word in words]}

    def _merge(self) -> tuple[dict[str, Any], dict[str, str]]:
        return {"order": self._settings.order, "dataset": self._settings.dataset}, {}


def present(out: str, step: str) -> Path | None:
    """Return the file of a step's identity that a plan has; None if it has none, or several."""
    there = sorted((Path(out) / "plan").glob(f"{step}-*{_SUFFIX}"))
    return there[0] if len(there) == 1 else None


@dataclass(frozen=True)
class _Known:
    """What an identity that is there says of its files, and when it was made."""

    files: Mapping[str, Any]
    since: int

    @classmethod
    def of(cls, path: Path | None) -> _Known:
        if path is None:
            return cls({}, 0)
        try:
            files = json.loads(path.read_bytes())["files"]
            return cls(files, path.stat().st_mtime_ns)
        except (OSError, ValueError, KeyError, TypeError):  # cut off, or no longer there
            return cls({}, 0)

    def content(self, path: Path, role: str) -> dict[str, Any]:
        """Return size and digests of a file, read in full only if it may be another."""
        if not path.is_file():
            return {"sha256": f"no file {path}"}  # which the plan refuses
        facts = {"size": path.stat().st_size, "sample": sample(path)}
        former = self.files.get(role) or {}
        same = {key: former.get(key) for key in facts} == facts
        if same and path.stat().st_mtime_ns <= self.since:
            return {**facts, "sha256": former["sha256"]}
        return {**facts, "sha256": sha256(path)}


def sample(path: Path) -> str:
    """Return a digest of a file's size and of 64 pieces spread over it.

    Of a file of 1 MiB or less that is all of it.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        for piece in range(_PIECES):
            file.seek(max(0, size - _PIECE_BYTES) * piece // (_PIECES - 1))
            digest.update(file.read(_PIECE_BYTES))
    return digest.hexdigest()


def _options(settings: Settings, wanted: Iterable[str]) -> dict[str, Any]:
    options = settings.options
    return {name: options[name] for name in wanted}


def _model_files(model: str, params: str | Path | None) -> Iterator[tuple[str, Path]]:
    path = find_model(model)
    if path.is_file():
        yield "weights", path
        beside = path.parent / "params.json"
        if params is None and path.suffix == ".h5" and beside.is_file():
            yield "params", beside
    else:
        for file in sorted(path.iterdir()):
            if file.is_file() and file.name != FETCH_RECORD:
                yield f"model {file.name}", file
    if params is not None:
        yield "params", Path(params)
