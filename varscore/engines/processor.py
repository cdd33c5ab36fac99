"""What computes, and what it has in hardware: all that arithmetic is chosen by.

Never how fast it is: on a busy machine that changes from one moment to the next.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

# As Linux calls them; macOS' name for that of ARM processors is in `_features`.
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
# What oneDNN can be held to by its users (its documentation, "CPU dispatcher control"), as
# far as it has no instructions for bfloat16 in it.
_WITHOUT_BFLOAT16 = {
    "SSE41",
    "AVX",
    "AVX2",
    "AVX2_VNNI",
    "AVX2_VNNI_2",
    "AVX512_CORE",
    "AVX512_CORE_VNNI",
}
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Processor:
    """What computes.

    Attributes
    ----------
    device : {"cpu", "cuda"}
    name : str
        Its model.
    bfloat16 : bool
        Whether it multiplies numbers in bfloat16 in hardware, and torch has it do so.
    packs : bool
        Whether torch can lay weights out for it once, ahead of all products with them.
    """

    device: Literal["cpu", "cuda"]
    name: str
    bfloat16: bool
    packs: bool

    @classmethod
    def of(cls, device: torch.device) -> Processor:
        """Return what computes on one of torch's devices."""
        if device.type == "cuda":
            modern = torch.cuda.get_device_capability(device) >= (8, 0)
            return cls("cuda", torch.cuda.get_device_name(device), bfloat16=modern, packs=False)
        onednn = hasattr(torch.ops.mkldnn, "_linear_pointwise")  # not in every build of torch
        bfloat16 = onednn and multiplies_bfloat16(_features(), _onednn_limit())
        return cls("cpu", _name(), bfloat16=bfloat16, packs=onednn)


def multiplies_bfloat16(features: Collection[str], limit: str) -> bool:
    """Tell whether torch multiplies bfloat16 by a CPU's own instructions.

    Parameters
    ----------
    features : collection of str
        What the CPU has, as Linux calls it.
    limit : str
        The instructions that oneDNN, which does torch's products, is held to; "" for all.
    """
    return not _BFLOAT16.isdisjoint(features) and limit.upper() not in _WITHOUT_BFLOAT16


def _onednn_limit() -> str:
    """Return what oneDNN reads of the environment; the second is its former name."""
    return os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""


def _features() -> set[str]:
    if platform.system() == "Darwin":
        return {"bf16"} if _sysctl("hw.optional.arm.FEAT_BF16") == "1" else set()
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _name() -> str:
    found = (
        _sysctl("machdep.cpu.brand_string")
        if platform.system() == "Darwin"
        else _cpuinfo("model name")
    )
    return found or platform.processor() or platform.machine()


def _cpuinfo(key: str) -> str:
    """Return what Linux says of the first processor; "" where it says nothing."""
    if not _CPUINFO.exists():
        return ""
    with _CPUINFO.open(encoding="utf-8") as lines:
        pairs = (line.partition(":") for line in lines)
        return next((value.strip() for name, _, value in pairs if name.strip() == key), "")


def _sysctl(name: str) -> str:
    """Return what macOS says; "" where it says nothing."""
    command = ["sysctl", "-n", name]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
