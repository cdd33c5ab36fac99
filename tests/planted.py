"""Run command lines of varscore with an exception, or a signal, planted in one of their stages.

``python planted.py STAGE CALL WHAT ARGUMENT...`` runs one, as the program does.
``python planted.py CASES`` runs many, one after the other, and writes a line for each: what
it ended with, and what it left. CASES is a JSON file of lists [stage, call, what, arguments].
"""

import importlib
import inspect
import itertools
import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

STAGES = {
    "read a record": "varscore.inputs.given read_vcf",
    "locate an allele": "varscore.inputs.alleles locate",
    "read the genome": "varscore.inputs.genome ReferenceGenome _read_file",
    "cut windows": "varscore.engines.two_pass window_sequences",
    "encode windows": "varscore.engines.two_pass one_hot",
    "forward": "varscore.models.basenji2 Basenji2 forward",
    "walk": "varscore.engines.incremental.trunk Trunk walk",
    "segment": "varscore.engines.incremental.reference reference_segment",
    "batch": "varscore.engines.incremental.engine score_batch",
    "differences": "varscore.engines.incremental.alternate propagate",
    "statistic": "varscore.statistics STATISTICS SAD function",
    "count progress": "varscore.progress VariantProgress __call__",
    "write rows": "varscore.results.table ScoreWriter write",
    "write a row group": "pyarrow.parquet ParquetWriter write_table",
    "read a row group": "pyarrow.parquet ParquetFile read_row_group",
    "digest": "varscore.inputs.genome ReferenceGenome digest",
    "commit": "varscore.files.atomic Partial commit",
}


class PlantedError(Exception):
    """What a stage raises."""


def exception():
    raise PlantedError


def sent(number):
    return lambda: os.kill(os.getpid(), number)  # which the main thread gets, a little later


class Dying:
    def __del__(self):  # an exception goes no further than here
        WHAT["SIGTERM"]()


def insist():  # and never return
    while True:
        WHAT["SIGINT"]()
        time.sleep(0.05)


WHAT = {
    "exception": exception,
    "SIGINT": sent(signal.SIGINT),
    "SIGTERM": sent(signal.SIGTERM),
    "SIGTERM in a finaliser": Dying,
    "SIGINT again and again": insist,
}


@contextmanager
def planted(stage, call, what):
    """Let a stage do something else at one of its calls, counted from 1, on whatever thread.

    Of a generator, at one of the items that all of its calls give.
    """
    module, *path, name = STAGES[stage].split()
    owner = importlib.import_module(module)
    for part in path:
        owner = owner[part] if isinstance(owner, dict) else getattr(owner, part)
    original = getattr(owner, name)
    calls = itertools.count(1)

    def instead(*args, **kwargs):
        if next(calls) == call:
            what()
        return original(*args, **kwargs)

    def items(*args, **kwargs):
        for item in original(*args, **kwargs):
            if next(calls) == call:
                what()
            yield item

    put = setattr if isinstance(owner, type | ModuleType) else object.__setattr__
    put(owner, name, items if inspect.isgeneratorfunction(original) else instead)
    try:
        yield
    finally:
        put(owner, name, original)


def run(stage, call, what, *arguments):
    from varscore.__main__ import main

    # As a process begins, even where the tests run in the background of a shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["varscore", *arguments]
    with planted(stage, int(call), WHAT[what]):
        main()


def left(folder, seconds=0):
    """Return this process's other threads, and the files in a folder that it has open."""
    for thread in set(threading.enumerate()) - {threading.main_thread()}:
        thread.join(seconds)
    open_files = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            open_files.append(os.readlink(handle))
        except OSError:
            continue  # the listing's own
    threads = {thread.name for thread in threading.enumerate()} - {"MainThread"}
    return sorted(threads), sorted(file for file in open_files if file.startswith(folder))


def run_many(cases):
    folder = str(Path(cases).parent.resolve())
    for stage, call, what, arguments in json.loads(Path(cases).read_text()):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        end = None
        try:
            run(stage, call, what, *arguments)
        except PlantedError:  # while its traceback keeps frames alive
            end = ["PlantedError", *left(folder)]
        except SystemExit as error:
            # A signal may come while a thread is being started, which then ends by itself.
            end = [error.code, *left(folder, seconds=60)]
        sys.stdout.write(json.dumps(end) + "\n")


if __name__ == "__main__":
    (run if len(sys.argv) > 2 else run_many)(*sys.argv[1:])
