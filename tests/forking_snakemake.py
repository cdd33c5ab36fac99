"""Snakemake, imported once: reads runs from standard input, a line of JSON each.

A run is a fork of this process, and is told how it ends by its exit code on standard output.
"""

import json
import os
import sys

from snakemake.cli import main


def child(words, environment, said):
    """Be one run of Snakemake: what it says goes to a file."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(said, os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["snakemake", *words]
        main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


for line in sys.stdin:
    process = os.fork()
    if process == 0:
        child(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)  # noqa: T201
