"""The command line as users meet it: results, one clear line for bad input, exit codes."""

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pysam
import pytest
import typer.main
from safetensors.torch import load_file, save_file
from writers import HEADER, record

from varscore import read_metadata, read_scores
from varscore.cli import app
from varscore.version import __version__

DATA = Path(__file__).parent / "data"
WEIGHTS = DATA / "weights_keras" / "model.h5"
RECORD = record("chr1", 155, "snv", "T", "C")


@pytest.fixture
def vcf(tmp_path):
    """Return a function that writes a VCF and gives its path."""

    def write(text, name="my.vcf"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def assert_refused(result, out, *words):
    """One line on stderr that has these words, exit code 1, no output and nothing beside.

    htslib, too, would have written to stderr.
    """
    code, _, stderr = result
    assert code == 1, stderr
    assert all(line.startswith("varscore: ") for line in stderr.splitlines()), stderr
    line = stderr.splitlines()[-1]
    assert line.startswith("varscore: error: ")
    assert "Traceback" not in stderr
    for word in words:
        assert word in line
    assert [p.name for p in out.parent.glob("*.parquet*")] == []
    assert [p.name for p in out.parent.glob(".*partial*")] == []


def test_score_writes_a_table(varscore, policy_genome, vcf, tmp_path):
    out = tmp_path / "o.parquet"
    code, _, stderr = varscore(
        "score", vcf(HEADER + RECORD), "--genome", policy_genome, "-o", out,
        "--model", WEIGHTS, "--activation", "quick_gelu", "--statistics", "SAD,D2",
        "--tracks", "track_1", "--threads", 2, "--device", "cpu",
    )  # fmt: skip
    assert code == 0, stderr
    assert "1 rows (1 scored)" in stderr
    table = read_scores(out, statistic=None)
    assert table.columns[-2:].tolist() == ["SAD_track_1", "D2_track_1"]
    assert read_metadata(out)["model"]["activation"] == "quick_gelu"


def test_check_reports(varscore, policy_genome):
    code, stdout, _ = varscore("check", DATA / "policy.vcf", "--genome", policy_genome)
    assert code == 0
    assert "chr3   " in stdout
    assert "not in the FASTA" in stdout
    assert "symbolic_allele" in stdout


def test_check_fails_where_score_would(varscore, policy_genome, vcf):
    path = vcf(HEADER + RECORD.replace("chr1", "chr77"))
    code, stdout, stderr = varscore("check", path, "--genome", policy_genome)
    assert code == 1
    assert "unknown_contig  1" in stdout
    assert stderr.startswith("varscore: error: ")


def test_a_score_line_becomes_a_check_by_changing_one_word(
    varscore, policy_genome, vcf, tmp_path
):
    line = [
        vcf(HEADER + RECORD), "--genome", policy_genome, "-o", tmp_path / "o.parquet",
        "--model", WEIGHTS, "--params", WEIGHTS.with_name("params.json"),
        "--activation", "quick_gelu", "--statistics", "SAD,D2", "--tracks", "track_1",
        "--windows", "binned", "--indels", "trim", "--reverse-complement", "--shifts", "0,1",
        "--engine", "incremental", "--precision", "mixed", "--region", "chr1",
        "--max-allele-length", 20, "--allow-ref-mismatches", "--device", "cpu",
        "--threads", 2, "--memory", 1, "--resume", "--force",
    ]  # fmt: skip
    checked = varscore("check", *line, "--json")
    assert checked[0] == 0, checked[2]
    assert json.loads(checked[1])["statuses"] == {"scored": 1}
    assert not (tmp_path / "o.parquet").exists()
    scored = varscore("score", *line)
    assert scored[0] == 0, scored[2]
    assert read_metadata(tmp_path / "o.parquet")["rows"] == 1


def test_check_takes_every_option_of_score():
    commands = typer.main.get_command(app).commands
    of_score, of_check = ({p.name for p in commands[n].params} for n in ("score", "check"))
    assert of_score - of_check == {"shard"}
    assert of_check - of_score == {"as_json", "forecast"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-allele-length", "10000"], "max_allele_length: 10000 is more than a quarter"),
        (["--shifts", "0,5000"], "shifts: 5000 is more than a quarter"),
        (["--tracks", "track_77"], "'track_77' is neither an identifier nor found"),
        (["--track-table", DATA / "policy.vcf"], "no column 'identifier'"),
        (["--engine", "incremental", "--indels", "trim"], "chr1:155:T:TC: the incremental"),
    ],
)
def test_check_refuses_what_does_not_fit_the_model(
    options, words, varscore, policy_genome, vcf, tmp_path
):
    out = tmp_path / "o.parquet"
    records = RECORD + record("chr1", 155, "insertion", "T", "TC")
    line = [vcf(HEADER + records), "-g", policy_genome, "--model", WEIGHTS, *options]
    for command in (["check"], ["score", "-o", out]):
        assert_refused(varscore(*command, *line), out, words)


def test_version_and_help(varscore):
    assert varscore("--version")[1] == f"varscore {__version__}\n"
    assert "score" in varscore("--help")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"], ["scores"], ["score", "a.vcf", "--genom", "g"], ["model", "nope"],
        ["score", "-g", "g", "-o", "o"],
        ["score", "a.vcf", "--shard", "s", "-g", "g", "-o", "o"],
        ["score", "--shard", "s", "-g", "g", "-o", "o", "--region", "chr1"],
        ["bench", "a.vcf"], ["check", "a.vcf"], ["merge", "plan"],
        ["score", "a.vcf", "-g", "g", "-o", "o", "--force=yes"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(varscore, arguments):
    assert varscore(*arguments)[0] == 2


def test_help_does_not_wait_for_torch():
    code = "import sys; import varscore.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def bgzipped(text, tmp_path):
    path = tmp_path / "whole.vcf.gz"
    with pysam.BGZFile(str(path), "w") as file:
        file.write(text.encode())
    return path.read_bytes()


BROKEN_VCFS = {
    "blank line": (HEADER + RECORD + "\n" + RECORD, ["line 4 is blank"]),
    "trailing blank line": (HEADER + RECORD + "\n", ["line 4 is blank"]),
    "spaces": (HEADER + RECORD + "chr1 155 a T C . . .\n", ["line 4", "separated by tabs"]),
    "no VCF": ("once upon a time\n", ["expected a VCF"]),
    "empty": ("", ["empty"]),
    "bad POS": (HEADER + RECORD + RECORD.replace("155", "one"), ["line 4", "'one'"]),
    "missing columns": (HEADER + RECORD + "chr1\t155\n", ["line 4 has 2"]),
    "wrong build": (
        HEADER + "".join(record("chr1", 151 + i, ref, "T") for i, ref in enumerate("AAAGAA")),
        ["different builds"],
    ),
    "other contigs": (HEADER + RECORD.replace("chr1", "chrX"), ["chrX", "chr1, 2, MT"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_VCFS)
def test_broken_vcf(case, varscore, policy_genome, vcf, tmp_path):
    text, words = BROKEN_VCFS[case]
    path, out = vcf(text), tmp_path / "o.parquet"
    result = varscore("score", path, "--genome", policy_genome, "-o", out, "--model", WEIGHTS)
    assert_refused(result, out, str(path), *words)


def test_missing_vcf(varscore, policy_genome, tmp_path):
    out = tmp_path / "o.parquet"
    result = varscore(
        "score", "no.vcf", "--genome", policy_genome, "-o", out, "--model", WEIGHTS
    )
    assert_refused(result, out, "no.vcf", "no such file")


@pytest.mark.parametrize("kept", ["without the last block", "half"])
def test_truncated_bgzip(kept, varscore, policy_genome, vcf, tmp_path):
    whole = bgzipped(HEADER + RECORD * 5000, tmp_path)
    path = vcf(
        whole[:-28] if kept == "without the last block" else whole[: len(whole) // 2],
        "c.vcf.gz",
    )
    out = tmp_path / "o.parquet"
    result = varscore("score", path, "--genome", policy_genome, "-o", out, "--model", WEIGHTS)
    assert_refused(result, out, "cut")


def test_damage_in_the_middle_is_found_before_scoring(varscore, policy_genome, vcf, tmp_path):
    rows = [RECORD.replace("snv", f"v{i * 7919 % 100_003}") for i in range(50_000)]
    damaged = bytearray(bgzipped(HEADER + "".join(rows), tmp_path))
    damaged[len(damaged) // 2] ^= 0xFF
    out = tmp_path / "o.parquet"
    result = varscore(
        "score",
        vcf(bytes(damaged), "d.vcf.gz"),
        "-g",
        policy_genome,
        "-o",
        out,
        "--model",
        WEIGHTS,
    )
    assert_refused(result, out, "d.vcf.gz: reading stopped near line", "corrupt")


@pytest.mark.parametrize(
    ("genome", "words"),
    [
        (None, ["no such file"]),
        (b"", ["empty"]),
        (HEADER.encode(), ["FASTA"]),
        (gzip.compress(b">chr1\nACGT\n", mtime=0), ["bgzip"]),
    ],
)
def test_broken_genome(genome, words, varscore, vcf, tmp_path):
    path, out = tmp_path / "g.fa", tmp_path / "o.parquet"
    if genome is not None:
        path.write_bytes(genome)
    result = varscore("score", vcf(HEADER + RECORD), "-g", path, "-o", out, "--model", WEIGHTS)
    assert_refused(result, out, str(path), *words)


@pytest.fixture
def native_weights(varscore, tmp_path):
    path = tmp_path / "own.safetensors"
    assert varscore("model", "convert", WEIGHTS, path)[0] == 0
    return path


@pytest.mark.parametrize("fault", ["missing", "misshapen", "superfluous", "cut", "a pickle"])
def test_broken_weights(fault, native_weights, varscore, policy_genome, vcf, tmp_path):
    tensors = load_file(native_weights)
    name = "blocks.1.dilated.conv.weight"
    with native_weights.open("rb") as file:
        metadata = pytest.importorskip("safetensors").safe_open(native_weights, "pt").metadata()
        whole = file.read()
    if fault == "missing":
        del tensors[name]
    elif fault == "misshapen":
        tensors[name] = tensors[name][:, :-1].contiguous()
    elif fault == "superfluous":
        name = "blocks.9.extra"
        tensors[name] = tensors["final.bias"].clone()
    path = tmp_path / "broken.safetensors"
    if fault == "cut":
        path.write_bytes(whole[: len(whole) // 2])
        name = ""
    elif fault == "a pickle":
        path.write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.")
        name = "pickle"
    else:
        save_file(tensors, path, metadata)
    out = tmp_path / "o.parquet"
    result = varscore(
        "score", vcf(HEADER + RECORD), "-g", policy_genome, "-o", out, "--model", path
    )
    assert_refused(result, out, str(path), name)


def test_unfetched_model_names_the_command(varscore, policy_genome, vcf, tmp_path, monkeypatch):
    monkeypatch.setenv("VARSCORE_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "o.parquet"
    result = varscore("score", vcf(HEADER + RECORD), "-g", policy_genome, "-o", out)
    assert_refused(result, out, "varscore model fetch basenji2")


def test_missing_output_folder(varscore, policy_genome, vcf, tmp_path):
    out = tmp_path / "nowhere" / "o.parquet"
    result = varscore(
        "score", vcf(HEADER + RECORD), "-g", policy_genome, "-o", out, "--model", WEIGHTS
    )
    assert_refused(result, out, str(out))


def test_existing_output_needs_force(varscore, policy_genome, vcf, tmp_path):
    path, out = vcf(HEADER + RECORD), tmp_path / "o.parquet"
    out.write_text("precious")
    arguments = ["score", path, "-g", policy_genome, "-o", out, "--model", WEIGHTS]
    code, _, stderr = varscore(*arguments)
    assert code == 1
    assert "--force" in stderr
    assert out.read_text() == "precious"
    assert varscore(*arguments, "--force")[0] == 0
    assert len(read_scores(out)) == 1


def test_a_full_disk_leaves_no_file(policy_genome, vcf, tmp_path):
    """Files may not grow beyond 4 kB: writing fails as on a full disk."""
    path = vcf(HEADER + RECORD)
    pysam.faidx(str(policy_genome))
    out = tmp_path / "o.parquet"
    done = subprocess.run(
        [sys.executable, "-m", "varscore", "score", str(path), "-g", str(policy_genome),
         "-o", str(out), "--model", str(WEIGHTS),
         "--engine", "two-pass"],  # the other one compiles, and keeps what it compiled
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert_refused((done.returncode, done.stdout, done.stderr), out, str(out), "written")


def test_a_bug_keeps_its_traceback(varscore, policy_genome, vcf, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("varscore.scoring.Scorer._score", broken)
    with pytest.raises(ZeroDivisionError):
        varscore(
            "score", vcf(HEADER + RECORD), "-g", policy_genome, "-o", tmp_path / "o.parquet",
            "--model", WEIGHTS,
        )  # fmt: skip
