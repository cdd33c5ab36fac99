"""Nothing outlives its owner: an exception or a signal in any stage leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from warm_python import warm

from varscore.files import atomic
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

pytestmark = pytest.mark.slow  # nearly all start processes
DATA = Path(__file__).parent / "data"
PLANTED = Path(__file__).parent / "planted.py"
ALLELES = 15

# Stages with the call that is disturbed. What is done for each allele is disturbed in the
# first reading of the VCF and in the second, which a thread does.
READING = [
    ("read a record", 3),
    ("read a record", ALLELES + 3),
    ("locate an allele", 3),
    ("locate an allele", ALLELES + 3),
    ("read the genome", 1),
    ("digest", 1),
]
WRITING = [
    ("count progress", 2),
    ("write rows", 1),
    ("write a row group", 1),
    ("commit", 1),
]
TWO_PASS = [
    ("cut windows", 1),
    ("cut windows", 4),
    ("encode windows", 1),
    ("forward", 1),
    ("statistic", 1),
]
INCREMENTAL = [
    ("walk", 1),
    ("walk", 2),
    ("segment", 1),
    ("batch", 1),
    ("batch", 2),
    ("differences", 3),
    ("statistic", 2),
]


ENDS = {
    "exception": "PlantedError",
    "SIGINT": 130,
    "SIGTERM": 143,
    "SIGTERM in a finaliser": 143,
}


@pytest.fixture
def vcf(tmp_path):
    """Substitutions and indels of the policy file, 15 alleles."""
    path = tmp_path / "small.vcf"
    with open(DATA / "policy.vcf") as file:
        lines = list(file)
    header = [line for line in lines if line.startswith("#")]
    path.write_text("".join([*header, *lines[len(header) :][: ALLELES - 2]]))
    return path


@pytest.fixture
def score(vcf, policy_genome, tmp_path):
    """Return a function that gives the words of `varscore score`."""

    def line(*options, task=(str(vcf),)):
        return [
            "score", *task, "--genome", str(policy_genome), "--device", "cpu",
            "--model", str(DATA / "weights_keras" / "model.h5"),
            "--threads", "2", "--output", str(tmp_path / "out.parquet"), *options,
        ]  # fmt: skip

    return line


def files(folder):
    return {path for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def disturb(tmp_path):
    """Return a function that runs command lines in a process of their own, all disturbed."""

    def run(cases, *, may_stay=()):
        (tmp_path / "cases.json").write_text(json.dumps(cases))
        before = files(tmp_path)
        process = subprocess.run(
            [warm("python"), PLANTED, tmp_path / "cases.json"],
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, (process.returncode, process.stderr)
        for case, found in zip(cases, process.stdout.splitlines(), strict=True):
            assert json.loads(found) == [ENDS[case[2]], [], []], (case, process.stderr)
        new = files(tmp_path) - before
        assert {file.name for file in new} <= {"policy.fa.fai", *may_stay}
        return process.stderr

    return run


def exceptions(line, *stages):
    return [(*stage, "exception", line) for stage in stages]


def test_an_exception_in_any_stage_of_two_passes(disturb, score):
    disturb(exceptions(score("--engine", "two-pass"), *READING, *TWO_PASS, *WRITING))


def test_an_exception_in_any_stage_of_the_incremental_engine(disturb, score):
    disturb(exceptions(score("--engine", "incremental"), *READING, *INCREMENTAL, *WRITING))


@pytest.fixture
def shards(vcf, policy_genome, small_model, tmp_path):
    """A plan of two shards, `plan`, and their scores, `scores`."""
    plan_shards(vcf, policy_genome, tmp_path / "plan", shards=2)
    (tmp_path / "scores").mkdir()
    for name in ("0001.parquet", "0002.parquet"):
        score_shard(
            tmp_path / "plan" / name, policy_genome, tmp_path / "scores" / name,
            model=small_model,
        )  # fmt: skip
    return tmp_path


def test_an_exception_elsewhere(disturb, score, shards, vcf, policy_genome):
    trim = score("--indels", "trim")  # indels in two passes, substitutions incrementally
    shard = score("--engine", "two-pass", task=("--shard", str(shards / "plan/0002.parquet")))
    resume = score("--engine", "two-pass", "--resume")
    plan = ["plan", vcf, "--genome", policy_genome, "--output", shards / "new", "--shards", 2]
    merge = ["merge", shards / "plan", shards / "scores", "--output", shards / "merged"]
    plan, merge = ([str(word) for word in words] for words in (plan, merge))
    disturb(
        [
            *exceptions(trim, ("batch", 1), ("cut windows", 2), ("forward", 1)),
            *exceptions(shard, ("read a row group", 1), ("cut windows", 3), ("forward", 1)),
            *exceptions(plan, *READING[::2], ("digest", 2), ("write a row group", 2)),
            *exceptions(plan, ("commit", 3)),
            *exceptions(
                merge, ("read a row group", 1), ("write a row group", 1), ("commit", 1)
            ),
            *exceptions(merge, ("commit", 1)),
            *exceptions([*merge, "--dataset"], ("write a row group", 1), ("commit", 2)),
            *exceptions(resume, ("locate an allele", 9), ("forward", 1), ("commit", 4)),
        ],
        may_stay=["plan.json", "0001.parquet"],  # the resumed run's parts
    )


def test_a_signal_in_a_finaliser_is_not_lost(disturb, score):
    said = disturb([("read a record", 3, "SIGTERM in a finaliser", score())])
    assert said == "varscore: terminated\n"


def test_signals_at_any_stage(disturb, score):
    two_pass, incremental = score("--engine", "two-pass"), score("--engine", "incremental")
    said = disturb(
        [
            ("read a record", 3, "SIGTERM", two_pass),
            ("locate an allele", ALLELES + 3, "SIGINT", two_pass),
            ("cut windows", 2, "SIGTERM", two_pass),
            ("forward", 1, "SIGINT", two_pass),
            ("write a row group", 1, "SIGTERM", two_pass),
            ("commit", 1, "SIGINT", two_pass),
            ("walk", 1, "SIGTERM", incremental),
            ("segment", 1, "SIGINT", incremental),
            ("batch", 1, "SIGTERM", incremental),
            ("differences", 1, "SIGINT", incremental),
            ("write rows", 1, "SIGTERM", incremental),
        ]
    )
    assert said.splitlines() == [
        f"varscore: {word}" for word in ["terminated", "interrupted"] * 5 + ["terminated"]
    ]


@pytest.mark.parametrize(
    ("stage", "what", "engine", "code", "last"),
    [
        ("forward", "exception", "two-pass", 1, "PlantedError"),
        ("walk", "SIGTERM", "incremental", 143, "varscore: terminated"),
        # Who asks twice does not wait for a thread, here one that never ends.
        ("cut windows", "SIGINT again and again", "two-pass", 130, None),
    ],
)
def test_a_process_to_its_last_moment(score, tmp_path, stage, what, engine, code, last):
    words = [PLANTED, stage, "1", what, *score("--engine", engine)]
    process = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert process.returncode == code, process.stderr
    lines = process.stderr.splitlines()
    if what == "exception":
        assert lines[0].startswith("Traceback")
        assert lines.count(last) == 1  # notes follow
    else:
        assert lines == ([last] if last else [])
    if last:
        assert not list(tmp_path.glob("*out.parquet*"))


def interrupt_at(number):
    """Return a trace function that raises at one of the lines of `atomic`, as they run."""
    lines = iter(range(number))

    def trace(frame, event, _):
        if frame.f_code.co_filename != atomic.__file__:
            return None
        if event in ("call", "line") and next(lines, None) is None:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    return trace


def write_file(path):
    atomic.check_target(path, force=True)
    atomic.write_text(path, "new")
    return path


def write_folder(path):
    atomic.check_target(path, force=True, folder=True)
    with atomic.Partial(path, folder=True) as partial:
        (partial.path / "file").write_text("new")
        partial.commit()
    return path / "file"


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_an_interruption_at_any_line_of_writing(tmp_path, write):
    target = tmp_path / "target"
    file = write(target)
    number, interrupted, found = 0, True, set()
    while interrupted:
        file.write_text("former")
        former = sys.gettrace()  # as of what measures coverage
        sys.settrace(interrupt_at(number))
        try:
            write(target)
            interrupted = False
        except KeyboardInterrupt:
            number += 1
        finally:
            sys.settrace(former)
        atomic.clear_unfinished()
        assert list(tmp_path.iterdir()) == [target], number
        found.add(file.read_text())
    assert number > 50
    assert found == {"former", "new"}
