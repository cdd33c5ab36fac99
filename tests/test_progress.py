"""What is said while variants are scored: a bar on a terminal, lines in a log."""

import logging
import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

from varscore.progress import VariantProgress


@pytest.mark.parametrize("found", [0, 90_000])
def test_a_log_gets_a_line_every_half_minute(found, caplog):
    now = 100.0
    caplog.set_level(logging.INFO, "varscore")
    with VariantProgress("0001.parquet", 4000 + found, lambda: now) as progress:
        progress.found(found)  # done before: they count, and took no time
        for seconds in (10, 40, 69, 80):
            now = 100.0 + seconds
            progress(1000)
    # After 40 s 2,000 are done, 50 a second, and 2,000 are left. The next line may come at
    # 70 s: it comes at 80, when all is done.
    assert caplog.messages == [
        f"0001.parquet: {found + 2000:,} of {found + 4000:,} done, 50 variants/s, 00:40 left",
        f"0001.parquet: {found + 4000:,} of {found + 4000:,} done, 50 variants/s, 00:00 left",
    ]


PROGRAM = """
from varscore.progress import VariantProgress
with VariantProgress("0001.parquet", 4000) as progress:
    for _ in range(4):
        progress(1000)
"""


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
    assert re.search(r"0001\.parquet: 100%\|.*\| 4000/4000 \[.*<00:00, .* variants/s\]", said)
    assert "varscore: " not in said


def test_no_time_left_is_told_before_it_can_be_known(caplog):
    """The first alleles wait for the reference of all: their rate is too low."""
    now = 0.0
    caplog.set_level(logging.INFO, "varscore")
    with VariantProgress("x", 10_000, lambda: now) as progress:
        progress.found(5000)
        for seconds, n in ((40, 499), (80, 1)):
            now = float(seconds)
            progress(n)
    assert caplog.messages == [
        "x: 5,499 of 10,000 done, 12.5 variants/s, the time left is not known yet",
        "x: 5,500 of 10,000 done, 6.25 variants/s, 12:00 left",
    ]
