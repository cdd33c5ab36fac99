"""Hold the trained model to the truth on the demo's genome, which it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simulate
import torch
import variants
from numpy.typing import NDArray
from simulate import Codes
from variants import Genome

from varscore.models.basenji2 import Basenji2

BATCH = 8
INDELS = ("insertion", "deletion", "delins")


def report(network: Basenji2, genome: Genome, truth_table: Path) -> dict[str, Any]:
    """Return the figures of the model's agreement with the truth, ready for JSON."""
    table = pd.read_csv(truth_table, sep="\t", keep_default_na=False)
    table = table[table["status"] == "scored"]
    columns = [f"SAD_{track}" for track in simulate.TRACKS]
    truth = table[columns].to_numpy(dtype=np.float64)
    predicted = predicted_sad(network, genome, table)
    kind, name, factor = (table[c].to_numpy() for c in ("kind", "class", "factor"))
    groups = {"snv": kind == "snv", "mnv": kind == "mnv", "indel": np.isin(kind, INDELS)}
    neutral = (kind == "snv") & (name == "neutral")
    separation = {}
    for column, each in enumerate(simulate.FACTOR_NAMES):  # ChIP tracks come first
        breaking = (kind == "snv") & (name == "breaks") & (factor == each)
        size = np.abs(predicted[:, column])
        separation[each] = auroc(size[breaking], size[neutral])
    return {
        "coverage_pearson": coverage_pearson(network, genome),
        "breaking_against_neutral_auroc": separation,
        "sad": {each: agreement(truth[rows], predicted[rows]) for each, rows in groups.items()},
    }


def agreement(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, Any]:
    """Compare scores, both of shape (B, T), over all pairs of variant and track."""
    large = np.abs(truth) > 1
    right = np.sign(truth[large]) == np.sign(predicted[large])
    return {
        "alleles": len(truth),
        "pearson": pearson(truth.ravel(), predicted.ravel()),
        "sign_right_where_true_above_1": round(float(right.mean()), 4),
    }


def pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the correlation, rounded as it will be shown."""
    return round(float(np.corrcoef(x, y)[0, 1]), 4)


def auroc(high: NDArray[np.float64], low: NDArray[np.float64]) -> float:
    """Return the share of pairs in which the one that should be higher is."""
    difference = high[:, None] - low[None, :]
    return round(float(np.mean((difference > 0) + 0.5 * (difference == 0))), 4)


def predicted_sad(
    network: Basenji2, genome: Genome, table: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the model's SAD of each row, stitched for indels, shape (B, T)."""
    config = network.config
    seam = (config.window_length // 2 - 1) // config.bin_width + 1 - config.crop_bins
    scores = []
    for chrom, pos, ref, alt in table[["chrom", "pos", "ref", "alt"]].itertuples(index=False):
        change = variants.trimmed(str(chrom), int(pos), str(ref), str(alt))
        cut = np.stack(variants.windows(genome, change))
        coverage = network(simulate.one_hot(cut)).double()
        before, left, right = coverage[0], coverage[1], coverage[-1]
        scores.append((torch.cat([left[:seam], right[seam:]]) - before).sum(0).numpy())
    return np.array(scores)


def coverage_pearson(network: Basenji2, genome: Genome) -> dict[str, float]:
    """Return for each track the correlation with its expected coverage over all bins."""
    crop = network.config.crop_bins
    expected, predicted = [], []
    for rows in _tiles(genome):
        dna = simulate.one_hot(rows)
        predicted.append(network(dna).double())
        expected.append(simulate.expected_coverage(dna)[:, crop:-crop])
    x, y = (torch.cat(part).flatten(0, 1).numpy() for part in (expected, predicted))
    return {track: pearson(x[:, i], y[:, i]) for i, track in enumerate(simulate.TRACKS)}


def _tiles(genome: Genome) -> Iterator[Codes]:
    """Yield batches of windows whose cropped bins cover the contigs side by side."""
    length = simulate.WINDOW_LENGTH
    step = length - 2 * simulate.CROP_BINS * simulate.BIN_WIDTH
    tiles = [
        codes[start : start + length]
        for codes in genome.values()
        for start in range(0, len(codes) - length + 1, step)
    ]
    for first in range(0, len(tiles), BATCH):
        yield np.stack(tiles[first : first + BATCH])
