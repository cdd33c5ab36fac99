"""Arithmetic is chosen by what a processor has, and by nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from warm_python import warm

from varscore.engines.incremental.kernels.products import Products
from varscore.engines.processor import Processor, multiplies_bfloat16

DATA = Path(__file__).parent / "data"
ZEN3, ZEN4, SAPPHIRE = {"avx2", "fma"}, {"avx2", "avx512_bf16"}, {"avx512_bf16", "amx_bf16"}
GRAVITON2, GRAVITON3 = {"asimd", "fphp"}, {"asimd", "bf16", "svebf16"}


@pytest.mark.parametrize(
    ("features", "limit", "expected"),
    [
        (ZEN3, "", False),
        (ZEN4, "", True),
        (SAPPHIRE, "", True),
        (GRAVITON2, "", False),
        (GRAVITON3, "", True),
        (set(), "", False),
        # held to less than what the processor has
        (SAPPHIRE, "AVX2", False),
        (SAPPHIRE, "avx512_core_vnni", False),
        (SAPPHIRE, "AVX512_CORE_BF16", True),
        (SAPPHIRE, "ALL", True),
        (ZEN3, "AVX512_CORE_AMX", False),
    ],
)
def test_bfloat16_in_hardware(features, limit, expected):
    assert multiplies_bfloat16(features, limit) == expected


@pytest.mark.parametrize(
    ("precision", "dtype", "device", "bfloat16", "packs", "expected"),
    [
        # kernel, bfloat16 differences
        ("float32", torch.float32, "cpu", True, True, ("packed", False)),
        ("float32", torch.float32, "cpu", False, False, ("matmul", False)),
        ("mixed", torch.float32, "cpu", True, True, ("packed", True)),
        ("mixed", torch.float32, "cpu", False, True, ("packed", False)),
        ("mixed", torch.float32, "cpu", True, False, ("matmul", True)),
        ("mixed", torch.float64, "cpu", True, True, ("matmul", False)),
        ("float32", torch.float32, "cuda", True, False, ("matmul", False)),
        ("mixed", torch.float32, "cuda", True, False, ("matmul", True)),
        ("mixed", torch.float32, "cuda", False, False, ("matmul", False)),
    ],
)
def test_products_follow_from_features_and_options(
    precision, dtype, device, bfloat16, packs, expected
):
    processor = Processor(device, "", bfloat16=bfloat16, packs=packs)
    found = Products.choose(precision, dtype, processor)
    assert (found.kernel, found.reduced) == expected


def test_packed_products_are_there():
    """Without them the engine is a third slower."""
    assert Processor.of(torch.device("cpu")).packs


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lists a processor's features so")
def test_features_are_those_that_linux_lists(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr("varscore.engines.processor._CPUINFO", cpuinfo)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    core = "processor\t: {}\nmodel name\t: An EPYC : 9\nflags\t\t: fpu {}\n\n"
    for features, expected in (("avx512_bf16", True), ("avx512_bf16_other", False)):
        cpuinfo.write_text(core.format(0, features) + core.format(1, "avx512_bf16"))
        found = Processor.of(torch.device("cpu"))
        assert (found.name, found.bfloat16) == ("An EPYC : 9", expected)
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp bf16\nCPU part\t: 0xd40\n")
    assert Processor.of(torch.device("cpu")).bfloat16
    cpuinfo.unlink()
    assert not Processor.of(torch.device("cpu")).bfloat16


SCORE = """
import json, sys, varscore
vcf, genome, out, model = sys.argv[1:]
varscore.score_vcf(vcf, genome, out, model=model, precision="mixed", region="inside")
print(json.dumps(varscore.read_metadata(out)["engine"]))
"""


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_mixed_is_float32_where_onednn_is_held_to_older_instructions(tmp_path, variable):
    """Another machine, as far as arithmetic goes: oneDNN does not use what it must not."""
    genome = tmp_path / "genome.fa"
    genome.write_bytes((DATA / "oracle" / "genome.fa").read_bytes())
    files = [DATA / "oracle" / "variants.vcf", genome, tmp_path / "out.parquet"]
    files.append(DATA / "weights_keras" / "model.h5")
    run = subprocess.run(
        [warm("python"), "-c", SCORE, *files],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {variable: "AVX2"},
    )
    described = json.loads(run.stdout)
    assert described["differences"] == "float32"
    assert described["filtered_trunk"]
