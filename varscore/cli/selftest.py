"""`varscore selftest`."""

from __future__ import annotations

import platform

import typer

from varscore.cli import options as given
from varscore.cli.options import RUN
from varscore.options import RunOptions
from varscore.version import __version__


def selftest(
    context: typer.Context,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
) -> None:
    """Tell whether this machine computes what others do; takes less than a minute.

    Engines, precisions and the original implementation's numbers are compared on a few
    variants. Ends with exit code 1 if anything differs by more than rounding does.
    """
    run = given.chosen(RunOptions, context)
    import torch

    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.inputs.htslib import silence
    from varscore.support.selftest import selftest as checks

    silence()
    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    typer.echo(f"varscore {__version__}, PyTorch {torch.__version__}, {system}")
    passed = list[bool]()
    for check in checks(run.device, run.memory_bytes):
        how = check.arithmetic
        if not passed:
            threads_used = f"{torch.get_num_threads()} threads"
            typer.echo(f"{how['processor']} ({how['device']}, {threads_used})")
        passed.append(check.passed)
        typer.echo(
            f"{'passed' if check.passed else 'FAILED'}: {check.name}: {check.share:.2g} of the "
            f"difference allowed; products by {how['kernel']}, differences in "
            f"{how['differences']}"
        )
    if not all(passed):
        typer.echo("scores of this machine are not to be relied on; please report this output")
        raise typer.Exit(1)
    typer.echo("this machine computes what others do")
