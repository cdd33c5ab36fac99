"""`varscore bench`: figures of one run that fit together."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from varscore.engines.processor import Processor
from varscore.support.bench_report import BenchReport

DATA = Path(__file__).parent / "data"
WEIGHTS = DATA / "weights_keras" / "model.h5"
VCF = DATA / "oracle" / "variants.vcf"


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    """Products in bfloat16 take seconds where the processor has none; rates prove nothing."""
    monkeypatch.setattr("varscore.support.bench._ROWS", 64)


def window_gflop():
    """FLOPs of one window of the small model: positions x kernel x channels in x out, twice."""
    widths = [32, 32, 37, 42, 49, 56, 64]
    macs = 16384 * 15 * 4 * 32
    before = 32
    for level, after in enumerate(widths[1:], 1):
        macs += 16384 // 2**level * 5 * before * after
        before = after
    macs += 128 * 6 * (3 * 64 * 32 + 32 * 64)
    macs += 96 * (64 * 64 + 64 * 12)
    return 2e-9 * macs


@pytest.mark.slow
def test_bench(varscore, oracle_genome, tmp_path):
    out = tmp_path / "bench.json"
    code, stdout, stderr = varscore(
        "bench", VCF, "--genome", oracle_genome, "--model", WEIGHTS,
        "--device", "cpu", "--threads", 1, "--two-pass-variants", 3, "--exact-variants", 2,
        "--region", "inside:1-21000", "-o", out,
    )  # fmt: skip
    assert code == 0, stderr
    assert "times as fast as two passes" in stdout
    report = json.loads(out.read_text())
    two_pass, incremental = report["timings"]
    assert (two_pass["variants"], incremental["variants"]) == (3, 8)
    # Two windows a substitution, three a stitched indel: torch's count against ours by hand.
    windows = two_pass["gflop"] / window_gflop()
    np.testing.assert_allclose(windows, round(windows), rtol=1e-6)
    assert 6 <= round(windows) <= 9
    assert incremental["gflop"] > 0
    processor = Processor.of(torch.device("cpu"))
    assert report["machine"]["processor"] == processor.name
    assert report["bfloat16_in_hardware"] == processor.bfloat16
    assert report["kernel"] == ("packed" if processor.packs else "matmul")
    assert report["faster_kernel"] in (None, "conv2d", "linear", "matmul")
    assert 0.05 < report["peak_memory_gib"] < 16
    agreement = {row["engine"]: row for row in report["agreement"]}
    assert len(agreement) == 4
    assert agreement["incremental, float64"]["worst"] < 1e-9
    assert agreement["incremental, float32"]["median"] < 1e-5
    assert all(row["least_pearson"] > 0.99 for row in agreement.values())


@pytest.mark.slow
def test_spacing_leaves_variants_that_stand_alone(varscore, oracle_genome, tmp_path):
    out = tmp_path / "bench.json"
    arguments = [
        "bench", VCF, "--genome", oracle_genome, "--model", WEIGHTS,
        "--device", "cpu", "--two-pass-variants", 1, "--exact-variants", 0, "-o", out,
    ]  # fmt: skip
    assert varscore(*arguments, "--region", "inside", "--spacing", 10**6)[0] == 0
    assert json.loads(out.read_text())["timings"][1]["variants"] == 1


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({"packed": 100.0, "matmul": 90.0, "bfloat16": 400.0}, None),
        ({"packed": 100.0, "matmul": 110.0, "bfloat16": 1.0}, None),  # by chance
        ({"packed": 100.0, "linear": 150.0, "matmul": 130.0, "bfloat16": 1.0}, "linear"),
    ],
)
def test_says_when_another_kernel_would_be_faster(rates, expected):
    report = BenchReport({}, {}, {}, rates, "packed", False, (), 0.0, (), 0.0)
    assert report.faster_kernel == expected
