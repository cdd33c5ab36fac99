"""Fetching the published models; nothing else in varscore uses the network.

A fetched model is a folder of its own in the model cache: the weights, ``targets.txt``
(the track table) and ``fetched.json``, the record of what came from where, with the
SHA-256 of every file. The record is written last, so a folder that has it is whole.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests
from tqdm import tqdm

from varscore.errors import ModelError, OptionError, OutputError
from varscore.files.atomic import write_json, writing
from varscore.files.digest import sha256
from varscore.models.cache import BASENJI2, FETCH_RECORD, TRACKS_FILE, model_cache
from varscore.models.files import read_json
from varscore.models.tracks import TrackTable

FetchForm = Literal["hub", "keras"]

_TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Download:
    """A file of the published model: its address, and its SHA-256 where that is known."""

    url: str
    sha256: str | None = None


# The repository is named by a commit, so that what its addresses give never changes.
_REPOSITORY = (
    "https://raw.githubusercontent.com/calico/basenji/"
    "06ce5d387e20b47184d05433b3983163c5f923cd/manuscripts/cross2020"
)
HUB_REPOSITORY = "multimolecule/basenji"
KERAS_WEIGHTS = Download(
    "https://storage.googleapis.com/basenji_barnyard2/model_human.h5",
    "3f74da002918d3e695bbf9e6f8a685e860196679372ba0964bd1faa26a82eed1",
)
KERAS_PARAMS = Download(
    f"{_REPOSITORY}/params_human.json",
    "4743bdd11d8fdcc9a9846d23b15f49a657ca907d0d2107950f2da9d8e9241b8a",
)
TRACKS = Download(
    f"{_REPOSITORY}/targets_human.txt",
    "d90233175a9fec389e5ac04cc4aac8cfc08c4aa86217e2e5c10221de78023580",
)


def fetch_model(
    name: str = BASENJI2,
    *,
    form: FetchForm = "hub",
    revision: str | None = None,
    weights_url: str | None = None,
    params_url: str | None = None,
    tracks_url: str | None = None,
    track_table: bool = True,
    expected_sha256: str | None = None,
    folder: Path | None = None,
    endpoint: str | None = None,
    force: bool = False,
) -> Path:
    """Fetch a published model, unless it is there already.

    A fetch that was interrupted goes on where it can: complete files are kept, and the
    hub's client resumes within a file.

    Parameters
    ----------
    name : str
        "basenji2".
    form : {"hub", "keras"}
        The port in the hub's form, or the original weights.
    revision : str or None
        Branch, tag or commit of the hub's repository; "main" if None.
    weights_url, params_url : str or None
        Addresses of the original form, in place of the published ones.
    tracks_url : str or None
        Address of the track table, in place of the published one.
    track_table : bool
        False leaves the track table out: tracks are then numbered.
    expected_sha256 : str or None
        What the weights must have; the published original's is known.
    folder : path or None
        Where to, in place of the model cache.
    endpoint : str or None
        The hub's address; as ``$HF_ENDPOINT`` says if None.
    force : bool
        Fetch again, and replace what is there.

    Returns
    -------
    Path
        The model's folder.

    Raises
    ------
    ModelError
        If the model is unknown, cannot be had, or is not what it should be.
    OptionError
        If an option belongs to the other form.
    OutputError
        If the folder cannot be written, holds another fetch of the model, or the disk is
        full.
    """
    if name != BASENJI2:
        raise ModelError(f"model {name}: only {BASENJI2} can be fetched")
    if form == "hub" and (weights_url or params_url):
        raise OptionError("addresses of weights are for --form keras; the hub's form has none")
    if form == "keras" and revision:
        raise OptionError("--revision is for --form hub; the original weights have none")
    asked = {
        "form": form,
        "revision": revision or "main",
        "weights_url": weights_url,
        "params_url": params_url,
        "tracks_url": tracks_url,
        "track_table": track_table,
    }
    folder = model_cache() / name if folder is None else folder
    record_path = folder / FETCH_RECORD
    if record_path.is_file() and not force:
        record = read_json(record_path)
        if record.get("asked") == asked and expected_sha256 in (None, record.get("sha256")):
            return folder
        raise OutputError(
            f"{folder}: it holds {name} as fetched on {record.get('fetched')} from "
            f"{record.get('source')}; give --force to replace it"
        )
    with _clear_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        record_path.unlink(missing_ok=True)
    if form == "hub":
        source, commit, sources = _fetch_hub(folder, revision or "main", endpoint, force)
        weights = "model.safetensors"
    else:
        weights = "model.h5"
        plan = {
            weights: Download(weights_url, expected_sha256)
            if weights_url
            else Download(KERAS_WEIGHTS.url, expected_sha256 or KERAS_WEIGHTS.sha256),
            "params.json": Download(params_url) if params_url else KERAS_PARAMS,
        }
        source, commit = plan[weights].url, None
        sources = {file: _download(item, folder / file) for file, item in plan.items()}
    if track_table:
        item = Download(tracks_url) if tracks_url else TRACKS
        try:
            sources[TRACKS_FILE] = _download(item, folder / TRACKS_FILE)
        except ModelError as error:
            raise ModelError(
                f"{error}; another track table can be given with --tracks-url, or none with "
                "--no-track-table"
            ) from error
        TrackTable.read(folder / TRACKS_FILE)
    files = {
        file: {
            "url": url,
            "sha256": sha256(folder / file),
            "bytes": (folder / file).stat().st_size,
        }
        for file, url in sources.items()
    }
    found = files[weights]["sha256"]
    if expected_sha256 not in (None, found):
        (folder / weights).unlink()
        raise ModelError(
            f"fetch {source}: the weights have SHA-256 {found}, expected {expected_sha256}"
        )
    for other in ("model.safetensors", "config.json", "model.h5", "params.json", TRACKS_FILE):
        if other not in files:  # of an earlier fetch in another form
            (folder / other).unlink(missing_ok=True)
    record = {
        "name": name,
        "source": source,
        "revision": commit,
        "fetched": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sha256": found,
        "asked": asked,
        "files": files,
    }
    write_json(record_path, record)
    return folder


def _fetch_hub(
    folder: Path, revision: str, endpoint: str | None, force: bool
) -> tuple[str, str, dict[str, str]]:
    """Fetch from the hub; return the source, the commit, and the address of each file."""
    from huggingface_hub import HfApi, hf_hub_download, hf_hub_url

    api = HfApi(endpoint=endpoint)
    source = f"{api.endpoint}/{HUB_REPOSITORY}"
    urls = {}
    with _clear_errors(folder, source, revision):
        commit = api.model_info(HUB_REPOSITORY, revision=revision).sha
        assert commit is not None
        # Both files at the one commit, whatever happens to a branch in between.
        for file in ("config.json", "model.safetensors"):
            hf_hub_download(
                HUB_REPOSITORY,
                file,
                revision=commit,
                local_dir=folder,
                endpoint=endpoint,
                force_download=force,
            )
            urls[file] = hf_hub_url(HUB_REPOSITORY, file, revision=commit, endpoint=endpoint)
    return source, commit, urls


@contextlib.contextmanager
def _clear_errors(folder: Path, source: str = "", revision: str = "") -> Iterator[None]:
    """Say in one line what the hub's client or the file system has to say in many."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(f"fetch {source}: the hub gives it only to approved users") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(f"fetch {source}: the hub has no such repository") from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"fetch {source}: it has no revision {revision!r}") from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelError(
            f"fetch {source}: the hub's client is in offline mode; unset HF_HUB_OFFLINE, or "
            f"copy the model's folder from a machine that has it to {folder}"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelError(f"fetch {source}: {_reason(error)}") from error
    except errors.EntryNotFoundError as error:
        raise ModelError(
            f"fetch {source}: revision {revision!r} lacks config.json or model.safetensors"
        ) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        raise ModelError(
            f"fetch {source}: the connection failed ({_reason(error)}); try again, or copy the "
            f"model's folder from a machine that has it to {folder}"
        ) from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the first line of the first cause: clients wrap it in words of their own."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _download(item: Download, path: Path) -> str:
    """Fetch a file by its address, which is returned; it appears when it is whole and right."""
    if item.sha256 and path.is_file() and sha256(path) == item.sha256:
        return item.url
    with writing(path) as partial:
        try:
            _stream(item.url, partial)
        except requests.HTTPError as error:
            status = f"{error.response.status_code} {error.response.reason}"
            raise ModelError(f"fetch {item.url}: the server answers {status}") from error
        except requests.RequestException as error:
            raise ModelError(
                f"fetch {item.url}: the connection failed ({_reason(error)}); try again"
            ) from error
        found = sha256(partial)
        if item.sha256 not in (None, found):
            raise ModelError(
                f"fetch {item.url}: the file has SHA-256 {found}, expected {item.sha256}"
            )
    return item.url


def _stream(url: str, path: Path) -> None:
    with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0)) or None
        # A bar on a terminal, nothing in a log.
        bar = tqdm(
            total=size, desc=url.rsplit("/")[-1], unit="B", unit_scale=True, disable=None
        )
        with open(path, "wb") as file, bar:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
