"""What is said while variants are scored: a bar on a terminal, lines in a log."""

import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress

PROGRAM = """
import logging, sys, time
import varscore.progress
logging.basicConfig(level=logging.INFO, format="varscore: %(message)s")
varscore.progress._SECONDS_BETWEEN_LINES = 0.1
with varscore.progress.VariantProgress("0001.parquet", 4000) as progress:
    for _ in range(4):
        time.sleep(0.15)
        progress(1000)
"""


def test_a_log_gets_lines():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    pattern = r"varscore: 0001\.parquet: ([\d,]+) of 4,000 done, (\S+) variants/s, 00:0\d left"
    lines = [re.fullmatch(pattern, line) for line in done.stderr.splitlines()]
    assert [line and line[1] for line in lines] == ["1,000", "2,000", "3,000", "4,000"]
    # A thousand in 0.15 s and a little more are less than 6,667 a second.
    assert all(1000 < float(line[2]) < 6667 for line in lines)


def test_a_terminal_gets_a_bar():
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 100))
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=writer, check=True)
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
