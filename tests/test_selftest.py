"""`varscore selftest` passes here, and fails where an engine computes something else."""

import pytest

from varscore.engines.incremental.engine import IncrementalEngine
from varscore.engines.two_pass import TwoPassEngine

CHECKS = [
    "12 statistics, against the original implementation",
    "two passes in float32, against float64",
    "incremental engine in float32, against float64",
    "incremental engine in mixed precision, against float64",
]


def verdicts(out):
    lines = [line.split(": ") for line in out.splitlines()]
    return {words[1]: words[0] for words in lines if words[0] in ("passed", "FAILED")}


def test_this_machine_computes_what_others_do(varscore):
    code, out, err = varscore("selftest", "--device", "cpu")
    assert (code, err) == (0, "")
    assert verdicts(out) == dict.fromkeys(CHECKS, "passed")
    assert "PyTorch" in out.splitlines()[0]
    assert "(cpu, " in out.splitlines()[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "failing"),
    [(IncrementalEngine, CHECKS[2:]), (TwoPassEngine, [CHECKS[0]])],
)
def test_an_engine_that_is_off_by_a_twentieth_fails(engine, failing, varscore, monkeypatch):
    right = engine.score

    def off(self, *arguments):
        return right(self, *arguments) * 1.05

    monkeypatch.setattr(engine, "score", off)
    code, out, _ = varscore("selftest", "--device", "cpu")
    assert code == 1
    found = verdicts(out)
    assert {name: found[name] for name in failing} == dict.fromkeys(failing, "FAILED")
    assert out.endswith("are not to be relied on; please report this output\n")
