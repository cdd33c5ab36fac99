"""Models that are known by name, and the folder where fetched ones are kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from varscore.errors import ModelError
from varscore.files.shipped import shipped_folder

DEMO, BASENJI2 = "demo", "basenji2"
NAMES = (DEMO, BASENJI2)
FETCH_RECORD = "fetched.json"
TRACKS_FILE = "targets.txt"


def model_cache() -> Path:
    """Return the folder of fetched models: ``$VARSCORE_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("VARSCORE_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("varscore")


def find_named(name: str) -> Path | None:
    """Return where a named model is, or None if it is not there (yet)."""
    if name == DEMO:
        path = shipped_folder(DEMO) / "demo.safetensors"
        return path if path.is_file() else None
    folder = model_cache() / name
    # The record is written when everything else is there.
    return folder if (folder / FETCH_RECORD).is_file() else None


def find_model(name_or_path: str | Path) -> Path:
    """Return the file or folder of a model.

    Raises
    ------
    ModelError
        If it is not there; the message says how to get it.
    """
    name = str(name_or_path)
    if name in NAMES:
        path = find_named(name)
        if path is not None:
            return path
        if name == DEMO:
            raise ModelError(
                f"model demo: its weights are not in {shipped_folder(DEMO)}, where they come "
                "along with varscore; install it again, from a wheel or a whole clone"
            )
        raise ModelError(
            f"model {name}: its weights are not in {model_cache() / name} yet; fetch them with "
            f"`varscore model fetch {name}`"
        )
    path = Path(name)
    if not path.exists():
        raise ModelError(
            f"model {name}: no such file or folder, and no known name ({', '.join(NAMES)})"
        )
    return path
