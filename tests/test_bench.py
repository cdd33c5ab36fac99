"""`varscore bench`: figures of one run that fit together."""

import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
WEIGHTS = DATA / "weights_keras" / "model.h5"
VCF = DATA / "oracle" / "variants.vcf"


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


def test_bench(varscore, oracle_genome, tmp_path):
    out = tmp_path / "bench.json"
    code, stdout, stderr = varscore(
        "bench", VCF, "--genome", oracle_genome, "--model", WEIGHTS,
        "--device", "cpu", "--two-pass-variants", 3, "--exact-variants", 2,
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
    agreement = {row["engine"]: row for row in report["agreement"]}
    assert len(agreement) == 4
    assert agreement["incremental, float64"]["worst"] < 1e-9
    assert agreement["incremental, float32"]["median"] < 1e-5
    assert all(row["least_pearson"] > 0.99 for row in agreement.values())


def test_spacing_leaves_variants_that_stand_alone(varscore, oracle_genome, tmp_path):
    out = tmp_path / "bench.json"
    arguments = [
        "bench", VCF, "--genome", oracle_genome, "--model", WEIGHTS,
        "--device", "cpu", "--two-pass-variants", 1, "--exact-variants", 0, "-o", out,
    ]  # fmt: skip
    assert varscore(*arguments, "--region", "inside", "--spacing", 10**6)[0] == 0
    assert json.loads(out.read_text())["timings"][1]["variants"] == 1
