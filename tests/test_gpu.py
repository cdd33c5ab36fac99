"""GPUs are shared out by locks, which need no GPU to be tested."""

import os
import subprocess
import sys

from varscore.gpu import lease

OTHER = """
import sys, time
from pathlib import Path
from varscore.gpu import lease
print(lease(["a", "b"], Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def other(folder):
    """Start a process that leases, waits, and says what it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, folder], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def test_processes_get_different_ones_until_none_is_left(tmp_path):
    first, got_first = other(tmp_path)
    second, got_second = other(tmp_path)
    third, got_third = other(tmp_path)
    try:
        assert [got_first, got_second, got_third] == ["0", "1", "None"]
        assert lease(["a", "b"], tmp_path) is None
        first.kill()  # a lease ends with its process, a killed one too
        first.wait()
        assert lease(["a", "b"], tmp_path) == 0
        assert lease(["a", "b"], tmp_path) is None
    finally:
        for process in (first, second, third):
            process.kill()
            process.communicate()


def test_locks_are_the_users_own(tmp_path):
    assert lease(["c"], tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"varscore-{os.getuid()}-c.lock"]
