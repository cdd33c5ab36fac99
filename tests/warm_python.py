"""Python that has imported what varscore needs, once: each command line runs in a fork of it.

Most of what a short process of varscore or Snakemake does is to import, torch above all.
`warm` gives the path of a program: `varscore`, `snakemake`, or `python`, which is called with
`-m MODULE`, `-c CODE` or a script first. What it runs is a process of its own, with the
caller's environment, folder and streams, but for settings that libraries read as they are
imported, such as numbers of threads. It does not get the signals that the program gets: what is
about those needs a cold Python.
"""

import atexit
import functools
import gc
import importlib
import importlib.util
import json
import os
import runpy
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

VARIABLE = "VARSCORE_TESTS_WARM_PYTHON"  # tells workers of pytest-xdist of the one they share
IMPORTED = (
    "varscore.cli",
    "varscore.engines.incremental.engine",
    "varscore.reports.page",
    "varscore.shards.merge",
    "varscore.shards.plan",
    "varscore.shards.score",
)

# What is called: quick to start, it hands over its words and streams, and waits.
PROGRAM = """#!/bin/sh
'''exec' {python} -IS "$0" "$@"
'''
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    folder, name = os.path.split(__file__)
    server.connect(folder + "/socket")
    words = sys.argv[1:] if name == "python" else ["-m", name, *sys.argv[1:]]
    job = json.dumps([folder + "/python", words, os.getcwd(), dict(os.environ)])
    socket.send_fds(server, [b"-"], [0, 1, 2])
    server.sendall(job.encode())
    server.shutdown(socket.SHUT_WR)
    code = int(server.recv(16))
sys.exit(code if code >= 0 else 128 - code)
"""


def warm(name):
    """Return the path of one of the programs."""
    return folder_of_programs() / name


@functools.cache
def folder_of_programs():
    """Return where they are. What they ask has imported nothing before it is first asked."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    folder = tempfile.mkdtemp()
    for name in ("python", "snakemake", "varscore"):
        program = Path(folder, name)
        program.write_text(PROGRAM.format(python=shlex.quote(sys.executable)))
        program.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder, "socket")))
        listener.listen(100)
        server = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
        )  # fmt: skip

    def stop():
        server.stdin.close()
        server.wait()
        shutil.rmtree(folder)

    atexit.register(stop)
    return Path(folder)


def serve(listener):
    """Fork for each job, until nobody is left who may ask for one."""
    imported, keepers = False, set()
    while True:
        asked, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in asked:
            for keeper in keepers:
                os.waitpid(keeper, 0)
            return
        if not imported:
            for name in IMPORTED:
                importlib.import_module(name)
            if importlib.util.find_spec("snakemake"):
                importlib.import_module("snakemake.cli")
            gc.freeze()
            imported = True
        connection, _ = listener.accept()
        keeper = os.fork()
        if keeper == 0:
            listener.close()
            keep(connection)
        connection.close()
        keepers.add(keeper)
        keepers = {keeper for keeper in keepers if not os.waitpid(keeper, os.WNOHANG)[0]}


def keep(connection):
    """Run a job in a fork, and tell how it ended."""
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    job = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    process = os.fork()
    if process == 0:
        connection.close()
        become(streams, *json.loads(job))
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def become(streams, program, words, folder, environment):
    """Be Python with these words."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if words[:2] == ["-m", "snakemake"]:
        sys.executable = program  # of which the workflow makes its jobs' commands
    code = 0
    try:
        if words[0] == "-m":
            sys.argv, sys.path[0] = words[1:], folder
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        elif words[0] == "-c":
            sys.argv, sys.path[0] = ["-c", *words[2:]], folder
            exec(words[1], {"__name__": "__main__"})
        else:
            sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # As Python ends, but for taking apart what was imported: a third of a second.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
