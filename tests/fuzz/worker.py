"""The process that reads mutated files: it may hang, die or run out of memory.

    python -m fuzz.worker FOLDER SEED SECONDS TARGET...

It prints a line for each input that it begins, `FINDING` before one that it could not end with.
With no seconds each target has its share of inputs.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import shutil
import sys
import time
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from itertools import count
from pathlib import Path

import pysam
import torch
from fuzz.targets import TARGETS, Place, Target, inputs, prepare

from varscore.errors import VarscoreError
from varscore.haplotypes.genotypes import silence as silence_cyvcf2

MEMORY = 3 << 29  # bytes that an input may take beside what the process has
CORPUS = Path(__file__).parent / "corpus"


def main(folder: Path, seed: int, seconds: float, names: list[str]) -> None:
    """Run the corpus, then mutated inputs, of some targets."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    pysam.set_verbosity(0)
    silence_cyvcf2()
    place = prepare(folder)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for name in names:
        target, end = TARGETS[name], time.monotonic() + seconds
        for path in sorted((CORPUS / name).glob("*")):
            try_one(place, name, target, path.read_bytes(), path.name)
        for number, content in zip(count(), inputs(target, place, seed), strict=False):
            if time.monotonic() > end if seconds else number == target.share:
                break
            try_one(place, name, target, content, f"{seed}.{number}")


def try_one(place: Place, name: str, target: Target, content: bytes, which: str) -> None:
    """Read one input, and say what is wrong with how that ended."""
    (place.folder.parent / "input").write_bytes(content)
    say(name, which)

    def finding(text: str) -> None:
        """Keep the input, and print what it gave as one line."""
        keep(content, name, which)
        say("FINDING", text.encode("unicode_escape").decode())

    said = StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            target.run(place, content)
    except VarscoreError as error:
        if "\n" in str(error) or not str(error):
            finding(f"a message of several lines: {error}")
    except Exception:
        finding(traceback.format_exc())
    for left in place.folder.iterdir():
        if left.name.endswith(".partial"):
            finding(f"left behind: {left.name}")
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    gc.collect(0)


def keep(content: bytes, name: str, which: str) -> None:
    """Write an input that was not ended well to where findings are kept, if anywhere."""
    if folder := os.environ.get("FUZZ_FINDINGS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}-{which}").write_bytes(content)


def say(*words: str) -> None:
    """Tell the process that waits, at once."""
    sys.__stdout__.write(" ".join(words) + "\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
