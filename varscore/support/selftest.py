"""Whether this machine computes what others do: engines, precisions, the original's numbers.

The model is a small Basenji2 with random weights, whose scores of 24 human variants were made
with the original TensorFlow implementation.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY
from varscore.files.shipped import shipped_folder
from varscore.models.model import Model
from varscore.models.registry import load_model
from varscore.options import Device
from varscore.results.reading import Frame
from varscore.scoring import score
from varscore.support.again import ABSOLUTE, OF_REFERENCE, SHARES

# By how much scores may differ from the original's, absolutely or, if that is less, relatively.
_GOLDEN = 2e-4


@dataclass(frozen=True)
class Check:
    """Scores held against others.

    Attributes
    ----------
    name : str
        What against what.
    share : float
        The largest difference, as a share of what is allowed; more than 1, or not a number,
        is too much.
    arithmetic : dict
        What the scores were computed in, as `varscore.results.provenance.Arithmetic` has it.
    """

    name: str
    share: float
    arithmetic: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the difference is allowed."""
        return self.share <= 1


def selftest(device: Device = "auto", memory: int = DEFAULT_MEMORY) -> Iterator[Check]:
    """Score a few variants in all ways, and compare.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
    memory : int
        Bytes that the engine's tensors may take.

    Yields
    ------
    Check
        Against the original's numbers, then against two passes in float64: two passes, the
        incremental engine, and it in mixed precision.

    Raises
    ------
    VarscoreError
        If the device cannot be used, or files that come along are missing or damaged.
    """
    golden = shipped_folder("golden")
    weights = golden / "weights_keras" / "model.h5"
    model = load_model(weights, activation="gelu_new", device=device)
    exact = load_model(weights, activation="gelu_new", device=device, dtype=torch.float64)
    with tempfile.TemporaryDirectory() as folder:
        # A genome's index is written beside it.
        genome = Path(shutil.copy(golden / "oracle" / "genome.fa", folder))

        def scored(model: Model, **options: Any) -> Frame:
            vcf = golden / "oracle" / "variants.vcf"
            return score(vcf, genome, model=model, memory=memory, **options)

        yield _original(scored, model, golden / "oracle" / "expected.npz")
        statistics = ["SAD", "D1", "REF"]
        expected = scored(exact, engine="two-pass", statistics=statistics)
        for name, options in _WAYS.items():
            found = scored(model, statistics=statistics, **options)
            bound = _bound(expected, SHARES[options.get("precision", "float32")])
            difference = np.abs(_of(found, "SAD") - _of(expected, "SAD"))
            share = float(np.max(difference / bound))
            yield Check(f"{name}, against float64", share, found.attrs["engine"])


_WAYS: dict[str, dict[str, Any]] = {
    "two passes in float32": {"engine": "two-pass"},
    "incremental engine in float32": {"engine": "incremental"},
    "incremental engine in mixed precision": {"engine": "incremental", "precision": "mixed"},
}


def _original(scored: Any, model: Model, file: Path) -> Check:
    """Compare every statistic that the original has with its numbers."""
    with np.load(file) as stored:
        numbers = {
            name.removeprefix("gelu_new/"): stored[name]
            for name in stored.files
            if name.startswith("gelu_new/") and name not in ("gelu_new/REF", "gelu_new/ALT")
        }
    found = scored(model, statistics=list(numbers), indels="trim", engine="two-pass")
    worst = 0.0
    for name, expected in numbers.items():
        difference = np.abs(_of(found, name) - expected)
        relative = difference / np.maximum(np.abs(expected), 1e-30)
        worst = max(worst, float(np.max(np.minimum(difference, relative))))
    name = f"{len(numbers)} statistics, against the original implementation"
    return Check(name, worst / _GOLDEN, found.attrs["engine"])


def _of(frame: Frame, statistic: str) -> NDArray[np.float64]:
    columns = [name for name in frame if str(name).startswith(f"{statistic}_")]
    return frame[columns].to_numpy(np.float64)


def _bound(expected: Frame, share: float) -> NDArray[np.float64]:
    """Return by how much SAD may differ, as `varscore verify` has it."""
    size = np.abs(_of(expected, "SAD")) + _of(expected, "D1")
    return share * size + OF_REFERENCE * _of(expected, "REF") + ABSOLUTE
