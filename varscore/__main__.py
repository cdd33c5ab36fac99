"""The program, `varscore` or `python -m varscore`: a process from its first moment to its last.

Ctrl-C (SIGINT) and SIGTERM, by which schedulers end jobs, end it in order: as an exception,
which lets threads come to an end and partial files be removed. The exit code is the one that
shells give, 128 and the signal's number.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_SECONDS_TO_NEXT = 0.02


class Interrupted(BaseException):
    """A signal asks the program to end. No library catches this by its name."""


def main() -> NoReturn:
    """Run the command line, and end the process."""
    received: list[signal.Signals] = []

    def end(number: int, _: FrameType | None) -> None:
        if not received:
            received.append(signal.Signals(number))
            raise Interrupted
        if number == signal.SIGINT:  # who asks twice does not want to wait
            os._exit(128 + number)

    def raise_again(_: int, __: FrameType | None) -> None:
        raise Interrupted

    def report(lost: sys.UnraisableHookArgs) -> None:
        if lost.exc_type is Interrupted:  # in a finaliser, where exceptions go no further
            signal.setitimer(signal.ITIMER_REAL, _SECONDS_TO_NEXT)
        else:
            sys.__unraisablehook__(lost)

    sys.unraisablehook = report
    signal.signal(signal.SIGALRM, raise_again)
    for number in _SAID:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as below `nohup`
            signal.signal(number, end)
    code: object = 0
    try:
        try:
            from varscore.cli import main as run

            run()
        finally:
            for number in (*_SAID, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)  # the rest takes no time
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:
        # After a signal whatever comes: libraries turn exceptions below them into their own.
        if not received:
            raise
    if received:
        from varscore.files.atomic import clear_unfinished

        clear_unfinished()
        print(f"varscore: {_SAID[received[0]]}", file=sys.stderr)  # noqa: T201
        code = 128 + received[0]
    gc.freeze()  # the system frees it all; to look first for garbage takes half a second
    sys.exit(code)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
