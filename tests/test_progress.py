"""What is said while variants are scored: a bar on a terminal, lines in a log."""

import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

PROGRAM = """
import logging, sys, time
import varscore.progress
logging.basicConfig(level=logging.INFO, format="varscore: %(message)s")
varscore.progress._SECONDS_BETWEEN_LINES = 0.1
with varscore.progress.VariantProgress("0001.parquet", 4000 + int(sys.argv[1])) as progress:
    progress.found(int(sys.argv[1]))
    for _ in range(4):
        time.sleep(0.15)
        progress(1000)
"""


@pytest.mark.parametrize("found", [0, 90_000])
def test_a_log_gets_lines(found):
    command = [sys.executable, "-c", PROGRAM, str(found)]
    done = subprocess.run(command, capture_output=True, text=True)
    pattern = (
        rf"varscore: 0001\.parquet: (\S+) of {4000 + found:,} done, "
        r"(\S+) variants/s, 00:0\d left"
    )
    lines = [re.fullmatch(pattern, line) for line in done.stderr.splitlines()]
    assert [line and line[1] for line in lines] == [
        f"{found + n:,}" for n in (1000, 2000, 3000, 4000)
    ]  # fmt: skip
    # A thousand in 0.15 s and a little more are less than 6,667 a second.
    assert all(1000 < float(line[2]) < 6667 for line in lines)


def test_a_terminal_gets_a_bar():
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 100))
    subprocess.run([sys.executable, "-c", PROGRAM, "0"], stderr=writer, check=True)
    os.close(writer)
    said = b""
    with suppress(OSError):  # how a terminal ends
        while piece := os.read(reader, 65536):
            said += piece
    os.close(reader)
    said = said.decode()
    assert "0001.parquet:   0%|" in said
    assert re.search(
        r"0001\.parquet: 100%\|.*\| 4000/4000 \[00:0\d<00:00, .* variants/s\]", said
    )
    assert "varscore: " not in said
