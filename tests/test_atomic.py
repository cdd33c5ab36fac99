"""Writing whole or not at all, by real means: a kill, a full disk, two processes at once."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from varscore.errors import OutputError
from varscore.files.atomic import (
    Partial,
    check_target,
    remove_stale,
    write_json,
    write_text,
    writing,
)

HOST = socket.gethostname().replace(".", "-")


@pytest.fixture
def ended():
    """The id of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def python(code, *arguments, **options):
    """Start a Python of its own on some code."""
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], **options)


def test_a_file_appears_at_the_end_and_not_before(tmp_path):
    path = tmp_path / "x.txt"
    with writing(path) as partial:
        partial.write_text("half, ")
        assert not path.exists()
        assert partial.parent == tmp_path
        assert partial.name.startswith(".x.txt.")
    assert path.read_text() == "half, "
    assert names(tmp_path) == ["x.txt"]


def test_text_and_json(tmp_path):
    write_text(tmp_path / "x.txt", "é\n")
    assert (tmp_path / "x.txt").read_bytes() == b"\xc3\xa9\n"
    write_json(tmp_path / "x.json", {"a": [1, None]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, None]}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("folder", [False, True])
def test_an_exception_leaves_what_was_there(tmp_path, error, folder):
    target = tmp_path / "x"
    if folder:
        target.mkdir()
        target = target / "before"
    target.write_text("before")

    def write_and_fail():
        with Partial(tmp_path / "x", folder=folder) as partial:
            inner = partial.path / "new" if folder else partial.path
            inner.write_text("half")
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert names(tmp_path) == ["x"]
    assert target.read_text() == "before"


def test_what_is_not_committed_does_not_appear(tmp_path):
    with Partial(tmp_path / "x") as partial:
        partial.path.write_text("whole, but nobody said so")
    assert names(tmp_path) == []


def test_a_folder_replaces_another_as_a_whole(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "former").write_text("1")
    with Partial(tmp_path / "x", folder=True) as partial:
        (partial.path / "new").write_text("2")
        assert names(tmp_path / "x") == ["former"]
        partial.commit()
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == ["new"]


def test_all_that_is_in_a_folder_comes_to_the_disk_before_the_folder_has_its_name(
    tmp_path, monkeypatch
):
    target, synced, fsync = tmp_path / "out", {}, os.fsync

    def note(handle):
        synced[os.fstat(handle).st_ino] = target.exists()
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    with Partial(target, folder=True) as partial:
        (partial.path / "deep").mkdir()
        for name in ("a.bw", "deep/b.bw"):
            (partial.path / name).write_text("x")
        partial.commit()
    parts = (target, target / "a.bw", target / "deep", target / "deep" / "b.bw")
    assert [synced[path.stat().st_ino] for path in parts] == [False] * 4


def test_a_folder_that_cannot_be_moved_leaves_the_former_one(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "former").write_text("1")
    rename = os.rename

    def fail_for_the_new_one(source, target):
        if Path(source).name.startswith(".x.") and (Path(source) / "new").exists():
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_for_the_new_one)
    with Partial(tmp_path / "x", folder=True) as partial:
        (partial.path / "new").write_text("2")
        with pytest.raises(OutputError, match="x: cannot be written: Input/output error"):
            partial.commit()
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == ["former"]


# --- what the process may do, and what may happen to it ----------------------------------


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002])
def test_files_and_folders_have_the_mode_of_any_new_one(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "x", "")
        with Partial(tmp_path / "folder", folder=True) as partial:
            partial.commit()
        assert os.umask(umask) == umask  # still
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~umask


KILLED = """
import os, signal, sys
from varscore.files.atomic import write_text
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_text(sys.argv[1], "new")
"""


def test_a_kill_between_writing_and_renaming_leaves_what_was_there(tmp_path):
    path = tmp_path / "x"
    path.write_text("before")
    with python(KILLED, path) as process:
        pass
    assert process.returncode == -signal.SIGKILL
    assert path.read_text() == "before"
    (left,) = set(names(tmp_path)) - {"x"}
    assert left.startswith(f".x.{HOST}.{process.pid}.")
    write_text(path, "after")  # and what was left is removed
    assert names(tmp_path) == ["x"]
    assert path.read_text() == "after"


TWO = """
import sys
from varscore.files.atomic import write_text
letter, path = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    write_text(path, letter * 100_000)
"""


def test_two_processes_at_once_write_one_or_the_other(tmp_path):
    path = tmp_path / "x"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with python(TWO, "a", path, **pipes) as one, python(TWO, "b", path, **pipes) as two:
        for process in (one, two):
            process.stdout.readline()
        for process in (one, two):
            process.stdin.write("\n")
            process.stdin.flush()
        seen = set()
        while one.poll() is None or two.poll() is None:
            if path.exists():
                seen.add(path.read_text())
    assert one.returncode == two.returncode == 0
    assert seen <= {"a" * 100_000, "b" * 100_000}
    assert path.read_text() in {"a" * 100_000, "b" * 100_000}
    assert names(tmp_path) == ["x"]


def test_two_threads_do_not_write_into_one_partial(tmp_path):
    both = threading.Barrier(2, timeout=60)

    def write(letter):
        with writing(tmp_path / "x") as partial:
            both.wait()
            partial.write_text(letter)
            both.wait()
            assert partial.read_text() == letter
            found.append(letter)

    found = []
    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["a", "b"]
    assert names(tmp_path) == ["x"]


def test_a_full_disk_is_one_error_and_leaves_what_was_there(small_disk):
    disk = small_disk(64)
    write_text(disk / "x", "before")
    with pytest.raises(OutputError, match="x: cannot be written: No space left on device"):
        write_text(disk / "x", "a" * 100_000)
    assert names(disk) == ["x"]
    assert (disk / "x").read_text() == "before"
    small_disk(1024)
    write_text(disk / "x", "a" * 100_000)
    assert (disk / "x").read_text() == "a" * 100_000


# --- what is left by others --------------------------------------------------------------


def test_only_what_ended_processes_left_of_this_name_is_removed(tmp_path, ended):
    kept = [
        f".x.{HOST}.{os.getpid()}.1000.partial",  # runs
        f".x.{HOST}.{ended}.0.partial.txt",
        f".x.sorting.{HOST}.{ended}.0.partial",  # of another name
        f".y.{HOST}.{ended}.0.partial",
        ".x.elsewhere.1.0.partial",  # on a machine where it may still run
        "x",
    ]
    stale = [f".x.{HOST}.{ended}.0.partial", f".x.{HOST}.{ended}.17.partial"]
    for name in kept + stale:
        (tmp_path / name).touch()
    (tmp_path / f".x.{HOST}.{ended}.3.partial").mkdir()
    (tmp_path / f".x.{HOST}.{ended}.3.partial" / "1").touch()
    old = tmp_path / ".x.node7.1.0.partial"
    old.touch()
    os.utime(old, (time.time() - 3 * 24 * 3600,) * 2)
    remove_stale(tmp_path / "x")
    assert names(tmp_path) == sorted(kept)


def test_a_link_left_behind_is_removed_and_not_followed(tmp_path, ended):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").touch()
    (tmp_path / f".x.{HOST}.{ended}.0.partial").symlink_to(tmp_path / "data")
    remove_stale(tmp_path / "x")
    assert names(tmp_path) == ["data"]
    assert names(tmp_path / "data") == ["precious"]


# --- refusing before the work ------------------------------------------------------------


def test_a_target_is_looked_at_and_left_as_it_is(tmp_path):
    check_target(tmp_path / "x")
    assert names(tmp_path) == []
    (tmp_path / "x").write_text("before")
    with pytest.raises(OutputError, match=r"x: exists; .*--force"):
        check_target(tmp_path / "x")
    check_target(tmp_path / "x", force=True)
    assert (tmp_path / "x").read_text() == "before"


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: exists and is not a file"):
        check_target(tmp_path / "folder", force=True)
    with pytest.raises(OutputError, match="file: exists and is not a folder"):
        check_target(tmp_path / "file", force=True, folder=True)
    with pytest.raises(OutputError, match=r"folder: exists; .*--force"):
        check_target(tmp_path / "folder", folder=True)
    check_target(tmp_path / "folder", force=True, folder=True)


def test_a_link_to_nowhere_is_refused(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path / "absent")
    with pytest.raises(OutputError, match="x: exists and is not a file"):
        check_target(tmp_path / "x")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"none/x: cannot be written: No such file"):
        check_target(tmp_path / "none" / "x")


def test_an_unwritable_folder_is_named():
    # Not tmp_path: only its owner may look into that.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(OutputError, match=r"x\.parquet: cannot be .*Permission denied"):
                check_target(folder / "x.parquet")
        finally:
            os.seteuid(user)
            folder.chmod(0o755)
        assert list(folder.iterdir()) == []
