"""Fetching, against a real HTTP server on loopback that speaks what the clients ask for."""

import contextlib
import errno
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import huggingface_hub.constants
import pytest
from warm_python import warm

from varscore.errors import ModelError, OptionError, OutputError
from varscore.models import fetch
from varscore.models.fetch import Download, fetch_model
from varscore.models.formats.hub import read_hub
from varscore.models.registry import load_model, read_checkpoint

DATA = Path(__file__).parent / "data"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TRACK_TABLE = "index\tidentifier\tdescription\n" + "".join(
    f"{i}\tENC{i}\tDNASE:tissue {i}\n" for i in range(12)
)


class Handler(http.server.BaseHTTPRequestHandler):
    """A hub with one repository at one commit, and plain files, some of them ill."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        server = self.server
        server.requests.append((self.command, self.path, self.headers.get("Range")))
        path = self.path.split("?")[0]
        if path.startswith("/api/models/multimolecule/basenji"):
            revision = path.rpartition("/revision/")[2]
            if revision not in ("main", "v1", COMMIT):
                return self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            files = [{"rfilename": name} for name in server.hub]
            found = {"id": "multimolecule/basenji", "sha": COMMIT, "siblings": files}
            return self.send(200, json.dumps(found).encode())
        if path.startswith("/api/"):
            return self.send(404, b"", {"X-Error-Code": "RepoNotFound"})
        prefix = f"/multimolecule/basenji/resolve/{COMMIT}/"
        if path.startswith(prefix):
            content = server.hub.get(path.removeprefix(prefix))
            if content is None:
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
            etag = hashlib.sha256(content).hexdigest()
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
            return self.send(200, content, headers, body=body)
        if path.removeprefix("/") in server.files:
            return self.send(200, server.files[path.removeprefix("/")], body=body)
        return self.send(404, b"")

    def send(self, status, content, headers=None, *, body=True):
        start = 0
        asked = self.headers.get("Range")
        if asked and status == 200:
            status, start = 206, int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status == 206:
            total = len(content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        content = content[start:]
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        if self.server.breaks and len(content) > 10_000 and self.command == "GET":
            self.server.breaks -= 1  # the connection dies half-way
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.requests, server.breaks = [], 0
        hub = DATA / "weights_hub"
        server.hub = {path.name: path.read_bytes() for path in hub.iterdir()}
        keras = DATA / "weights_keras"
        server.files = {path.name: path.read_bytes() for path in keras.iterdir()}
        server.files["targets.txt"] = TRACK_TABLE.encode()
        server.files["targets7.txt"] = "".join(TRACK_TABLE.splitlines(True)[:8]).encode()
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Give each test a model cache of its own, and no wait between the client's retries."""
    monkeypatch.setenv("VARSCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    # Whatever the machine is set to, loopback is reached, and without a proxy.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def from_hub(server):
    def call(**options):
        options = {"tracks_url": f"{server.address}/targets7.txt"} | options
        return fetch_model(endpoint=server.address, **options)

    return call


@pytest.fixture
def original(server, monkeypatch):
    """Fetch the original form, with the server's files in the place of the published ones."""
    for name, file in (
        ("KERAS_WEIGHTS", "model.h5"),
        ("KERAS_PARAMS", "params.json"),
        ("TRACKS", "targets.txt"),
    ):
        digest = hashlib.sha256(server.files[file]).hexdigest()
        monkeypatch.setattr(fetch, name, Download(f"{server.address}/{file}", digest))
    return lambda **options: fetch_model(form="keras", **options)


def downloads(server):
    return [path.rpartition("/")[2] for method, path, _ in server.requests if method == "GET"]


def whole(folder):
    return (folder / "fetched.json").exists()


# --- the hub's form


def test_the_hubs_form_is_fetched_recorded_and_loaded(from_hub, server, cache):
    assert from_hub() == cache / "basenji2"
    record = json.loads((cache / "basenji2" / "fetched.json").read_text())
    assert record["revision"] == COMMIT
    assert record["source"] == f"{server.address}/multimolecule/basenji"
    weights = record["files"]["model.safetensors"]
    assert weights["sha256"] == hashlib.sha256(server.hub["model.safetensors"]).hexdigest()
    assert weights["bytes"] == len(server.hub["model.safetensors"])
    assert weights["url"].endswith(f"/resolve/{COMMIT}/model.safetensors")
    assert set(record["files"]) == {"config.json", "model.safetensors", "targets.txt"}
    model = load_model("basenji2", device="cpu")
    assert model.name == "basenji2"
    assert model.tracks.identifiers[6] == "ENC6"
    assert model.metadata["revision"] == COMMIT
    assert model.sha256 == weights["sha256"]
    assert model.notice is None


def test_a_second_fetch_needs_no_network(from_hub, server):
    folder = from_hub()
    server.requests.clear()
    assert from_hub() == folder
    assert server.requests == []


def test_a_fetched_folder_works_anywhere(from_hub, tmp_path):
    moved = shutil.move(from_hub(), tmp_path / "elsewhere")
    checkpoint = read_checkpoint(moved)
    assert checkpoint.metadata["name"] == "basenji2"
    assert checkpoint.tracks.descriptions[0] == "DNASE:tissue 0"


def test_a_revision_is_resolved_and_another_needs_force(from_hub):
    folder = from_hub(revision="v1")
    with pytest.raises(OutputError, match=r"as fetched on .* give --force to replace it"):
        from_hub(revision="main")
    assert from_hub(revision="main", force=True) == folder
    record = json.loads((folder / "fetched.json").read_text())
    assert record["asked"]["revision"] == "main"


def test_a_broken_connection_is_resumed(from_hub, server, monkeypatch):
    # The client keeps whole chunks only, and its own are larger than this file.
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1_000)
    server.breaks = 1
    folder = from_hub()
    ranges = [asked for _, path, asked in server.requests if path.endswith(".safetensors")]
    kept = len(server.hub["model.safetensors"]) // 2 // 1_000 * 1_000
    assert f"bytes={kept}-" in ranges
    assert (folder / "model.safetensors").read_bytes() == server.hub["model.safetensors"]


def test_a_connection_that_keeps_breaking_is_an_error_and_a_later_fetch_goes_on(
    from_hub, server, cache
):
    server.breaks = 10_000
    # Each try gets half of what is left, and the client gives up at last.
    server.hub["model.safetensors"] += bytes(1 << 22)
    with pytest.raises(
        ModelError, match=r"fetch http.*basenji: the connection failed \(peer closed"
    ):
        from_hub()
    assert not whole(cache / "basenji2")
    with pytest.raises(ModelError, match="varscore model fetch basenji2"):
        load_model("basenji2")
    server.breaks = 0
    folder = from_hub()
    assert (folder / "model.safetensors").read_bytes() == server.hub["model.safetensors"]


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (lambda server: None, {"revision": "v9"}, "it has no revision 'v9'"),
        (
            lambda server: server.hub.pop("model.safetensors"),
            {},
            "revision 'main' lacks config.json or model.safetensors",
        ),
    ],
)
def test_what_the_hub_does_not_have_is_said(from_hub, server, cache, prepare, options, message):
    prepare(server)
    with pytest.raises(ModelError, match=message):
        from_hub(**options)
    assert not whole(cache / "basenji2")


def test_a_hub_without_the_repository(from_hub, monkeypatch):
    monkeypatch.setattr(fetch, "HUB_REPOSITORY", "multimolecule/other")
    with pytest.raises(ModelError, match="the hub has no such repository"):
        from_hub()


def test_a_hub_that_is_down(cache):
    with pytest.raises(ModelError, match=r"fetch http://127.0.0.1:9/.*Connection refused"):
        fetch_model(endpoint="http://127.0.0.1:9")
    assert not whole(cache / "basenji2")


def test_offline_mode(from_hub, monkeypatch):
    with monkeypatch.context() as offline:
        offline.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ModelError, match="offline mode; unset HF_HUB_OFFLINE"):
            from_hub()
    folder = from_hub()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert from_hub() == folder


def test_weights_with_an_unexpected_sum_are_not_kept(from_hub, server, cache):
    with pytest.raises(ModelError, match=r"the weights have SHA-256 .*, expected 00"):
        from_hub(expected_sha256="00")
    assert not whole(cache / "basenji2")
    assert not (cache / "basenji2" / "model.safetensors").exists()
    digest = hashlib.sha256(server.hub["model.safetensors"]).hexdigest()
    assert whole(from_hub(expected_sha256=digest))


def test_weights_that_changed_after_the_fetch_are_refused(from_hub):
    weights = from_hub() / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="they changed since they were fetched"):
        load_model("basenji2")


def test_the_track_table_may_be_missing_if_one_says_so(from_hub, server, cache):
    with pytest.raises(ModelError, match=r"answers 404 Not Found; .* --no-track-table"):
        from_hub(tracks_url=f"{server.address}/nowhere.txt")
    assert not whole(cache / "basenji2")
    from_hub(track_table=False)
    assert load_model("basenji2", device="cpu").tracks.identifiers[0] == "track_0"


def test_a_track_table_that_is_none_is_refused(from_hub, server, cache):
    server.files["page.html"] = b"<html>log in first</html>"
    with pytest.raises(OptionError, match="no column 'identifier'"):
        from_hub(tracks_url=f"{server.address}/page.html")
    assert not whole(cache / "basenji2")


# --- the original form


def test_the_original_form_is_fetched_recorded_and_loaded(original, server):
    folder = original()
    record = json.loads((folder / "fetched.json").read_text())
    assert record["source"] == f"{server.address}/model.h5"
    assert record["sha256"] == hashlib.sha256(server.files["model.h5"]).hexdigest()
    assert set(record["files"]) == {"model.h5", "params.json", "targets.txt"}
    model = load_model("basenji2", device="cpu")
    assert model.metadata["form"] == "keras"
    assert model.metadata["activation_source"] == "file"
    assert model.tracks.identifiers[11] == "ENC11"
    server.requests.clear()
    assert original() == folder
    assert server.requests == []


def test_complete_files_are_not_fetched_again(original, server, cache):
    table = server.files.pop("targets.txt")
    with pytest.raises(ModelError, match=r"targets.txt: the server answers 404 Not Found"):
        original()
    server.files["targets.txt"] = table
    server.requests.clear()
    assert whole(original())
    assert downloads(server) == ["targets.txt"]


def test_a_download_that_breaks_leaves_nothing_half_written(original, server, cache):
    server.breaks = 1
    with pytest.raises(
        ModelError, match=r"fetch .*model.h5: the connection failed .*try again"
    ):
        original()
    assert list((cache / "basenji2").iterdir()) == []
    assert whole(original())


def test_a_file_that_is_not_the_published_one_is_refused(original, server, cache):
    server.files["model.h5"] = server.files["model.h5"][:-1] + b"\0"
    server.files["model.h5"] += b"x"
    with pytest.raises(ModelError, match=r"model.h5: the file has SHA-256 .*, expected"):
        original()
    assert list((cache / "basenji2").iterdir()) == []


def test_other_addresses_may_be_given(server, cache):
    options = {
        "weights_url": f"{server.address}/model.h5",
        "params_url": f"{server.address}/params.json",
        "tracks_url": f"{server.address}/targets.txt",
    }
    folder = fetch_model(form="keras", folder=cache / "mine", **options)
    assert read_checkpoint(folder).tracks.identifiers[0] == "ENC0"
    with pytest.raises(ModelError, match=r"model.h5: the file has SHA-256 .* expected 12"):
        fetch_model(form="keras", expected_sha256="12", **options)


def test_an_address_where_nothing_answers(original):
    with pytest.raises(ModelError, match=r"the connection failed \(.*Connection refused\)"):
        original(weights_url="http://127.0.0.1:9/model.h5")


def test_the_other_form_replaces_the_first_one_by_force(original, from_hub):
    folder = original()
    with pytest.raises(OutputError, match="give --force"):
        from_hub()
    from_hub(force=True)
    assert not (folder / "model.h5").exists()
    assert not (folder / "params.json").exists()
    assert load_model("basenji2", device="cpu").metadata["form"] == "hub"


# --- both


def test_options_of_the_other_form_are_refused(original, from_hub):
    with pytest.raises(OptionError, match="--revision is for --form hub"):
        original(revision="v1")
    with pytest.raises(OptionError, match="are for --form keras"):
        from_hub(weights_url="http://127.0.0.1:9/model.h5")
    with pytest.raises(ModelError, match="only basenji2 can be fetched"):
        fetch_model("enformer")


def test_a_folder_that_cannot_be_made(original, from_hub, cache):
    cache.write_text("a file where the folder should be")
    for fetch_form in (original, from_hub):
        with pytest.raises(OutputError, match="cannot be written"):
            fetch_form()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit on file sizes")
def test_a_full_disk(server, cache):
    # A limit on the size of files stands in for the end of the disk: the same error path.
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from varscore.errors import OutputError\n"
        "from varscore.models.fetch import fetch_model\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "address = sys.argv[1]\n"
        "try: fetch_model(form='keras', weights_url=address + '/model.h5')\n"
        "except OutputError as error: print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [warm("python"), "-c", code, server.address],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert os.strerror(errno.EFBIG) in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert list((cache / "basenji2").iterdir()) == []


def test_the_hubs_own_environment_is_honoured(server, cache):
    code = "from varscore.models.fetch import fetch_model; fetch_model(track_table=False)"
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "HF_ENDPOINT": server.address,
    }
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=environment, capture_output=True
    )
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(cache / "basenji2" / ".cache")
    assert read_hub(cache / "basenji2").config.n_tracks == 7
