"""The simulated world of the demo: what its DNA looks like, and the coverage it has.

Coverage is a known function of the sequence: seven factors bind their motifs, and ChIP,
DNase and CAGE follow from where they bind. So the true effect of any variant can be
computed, and nothing of varscore takes part in computing it.

`simulate_dna` draws sequence, `expected_coverage` maps any sequence to its coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Codes = NDArray[np.uint8]  # bases as 0..3 in the order A C G T, anything else as 4

WINDOW_LENGTH = 16_384
BIN_WIDTH = 128
CROP_BINS = 16
CELL = 16  # bases; occupancy is summed in cells before it is spread over bins
GATE_REACH = 15 * BIN_WIDTH  # bases over which enhancers act on a TATA box
GATE_DECAY = 800.0  # bases


@dataclass(frozen=True)
class Factor:
    """A transcription factor.

    Attributes
    ----------
    name : str
    motif : str
        IUPAC letters; upper case for columns that matter much, lower case for those that
        matter less, N or n for those that do not.
    span : float
        Bits of mismatch at which the factor no longer binds at all.
    """

    name: str
    motif: str
    span: float

    def columns(self, strong: float, weak: float) -> NDArray[np.float64]:
        """Return base probabilities, shape (width, 4).

        `strong` and `weak` are what the bases allowed in a column share.
        """
        rows = []
        for letter in self.motif:
            allowed = np.array([base in _IUPAC[letter.upper()] for base in "ACGT"])
            share = strong if letter.isupper() else weak
            if allowed.all():
                rows.append(np.full(4, 0.25))
            else:
                rows.append(
                    np.where(allowed, share / allowed.sum(), (1 - share) / (~allowed).sum())
                )
        return np.array(rows)

    def penalties(self) -> NDArray[np.float64]:
        """Return bits lost by each base in each column, shape (width, 4).

        Rounded to 1/1024 bit, so that their sums are exact in float32 in whatever order:
        which variants are chosen for the demo does not depend on the machine.
        """
        columns = self.columns(0.94, 0.70)
        bits = np.log2(columns.max(axis=1, keepdims=True) / columns)
        rounded: NDArray[np.float64] = np.round(bits * 1024) / 1024
        return rounded


_IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT",
    "N": "ACGT",
}  # fmt: skip

FACTORS = (
    Factor("CTCF", "cCACYAGRGGGCrc", 8.0),
    Factor("GATA1", "sCAGATAAGRa", 6.0),
    Factor("SP1", "gGGGGCGGGGy", 8.0),
    Factor("AP1", "RTGASTCAY", 6.0),
    Factor("HNF4A", "gGnCAAAGTCCa", 8.0),
    Factor("GABPA", "aCCGGAAGTr", 8.0),
    Factor("TBP", "STATAAAwGgs", 6.0),
)
FACTOR_NAMES = tuple(factor.name for factor in FACTORS)
CELL_TYPES = ("K562", "HEPG2")

# How much each factor opens chromatin and drives transcription; columns are the cell types.
_OPENS = {
    "CTCF": (0.5, 0.5), "GATA1": (1.0, 0.0), "SP1": (0.6, 0.6), "AP1": (0.7, 0.4),
    "HNF4A": (0.0, 1.0), "GABPA": (0.7, 0.7),
}  # fmt: skip
_DRIVES = {
    "GATA1": (1.0, 0.0), "SP1": (0.5, 0.5), "AP1": (0.7, 0.3), "HNF4A": (0.0, 1.0),
    "GABPA": (0.5, 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class Assay:
    """A kind of track: coverage of a bin without signal, counts per site, spread in bases."""

    name: str
    baseline: float
    height: float
    sd: float


CHIP = Assay("CHIP", 0.3, 30.0, 80.0)
DNASE = Assay("DNASE", 0.5, 24.0, 100.0)
CAGE = Assay("CAGE", 0.1, 15.0, 60.0)

_TRACKS = (
    *((CHIP, name) for name in FACTOR_NAMES),
    *((DNASE, name) for name in CELL_TYPES),
    *((CAGE, name) for name in CELL_TYPES),
)
TRACKS = tuple(f"{assay.name}_{name}" for assay, name in _TRACKS)
DESCRIPTIONS = tuple(f"{assay.name}:{name} (simulated)" for assay, name in _TRACKS)


# ---------------------------------------------------------------- coverage of a sequence


_CODE_OF_LETTER = np.full(256, 4, dtype=np.uint8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    _CODE_OF_LETTER[[ord(letter) for letter in _letters]] = _code


def encode(dna: str) -> Codes:
    """Return a DNA string's letters as codes, case ignored."""
    return _CODE_OF_LETTER[np.frombuffer(dna.encode("ascii"), dtype=np.uint8)]


def decode(codes: Codes) -> str:
    """Return codes as a DNA string in upper case."""
    letters: str = np.frombuffer(b"ACGTN", dtype=np.uint8)[codes].tobytes().decode("ascii")
    return letters


def one_hot(codes: Codes) -> Tensor:
    """Map codes, shape (B, L), to float32 of shape (B, 4, L), N as 0.25 in each channel."""
    rows = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)])
    return rows[torch.from_numpy(codes).long()].transpose(1, 2).contiguous()


@cache
def _motif_filters() -> tuple[Tensor, Tensor]:
    """Return each motif's penalties on both strands, (14, 4, width), and spans, (7, 1)."""
    half = max(len(factor.motif) for factor in FACTORS) // 2
    filters = torch.zeros(2, len(FACTORS), 4, 2 * half + 1)
    for row, factor in enumerate(FACTORS):
        penalties = torch.from_numpy(factor.penalties().T.copy())
        first = half - len(factor.motif) // 2
        columns = slice(first, first + len(factor.motif))
        filters[0, row, :, columns] = penalties
        filters[1, row, :, columns] = penalties.flip(0, 1)
    spans = torch.tensor([[factor.span] for factor in FACTORS])
    return filters.flatten(0, 1), spans


def affinity(dna: Tensor) -> Tensor:
    """Return how well each factor's motif fits at each base: 1 at best, no binding below 0.

    Parameters
    ----------
    dna : Tensor, shape (B, 4, L), float32
        What lies beyond its ends counts as N.

    Returns
    -------
    Tensor, shape (B, F, L), float32
        1 - penalty / span of the site whose middle is that base, the better strand.
    """
    filters, spans = _motif_filters()
    half = filters.shape[-1] // 2
    penalty = F.conv1d(F.pad(dna, (half, half), value=0.25), filters)
    better_strand = torch.minimum(*penalty.chunk(2, dim=1))
    return 1 - better_strand / spans


@cache
def _spread(dtype: torch.dtype) -> Tensor:
    """Return the share of a cell's signal that falls k cells away, (T, 1, 2 K + 1)."""
    reach = math.ceil(4 * max(assay.sd for assay, _ in _TRACKS) / CELL)
    edges = (torch.arange(-reach, reach + 2, dtype=torch.float64) - 0.5) * CELL
    kernels = [torch.special.ndtr(edges / assay.sd).diff() for assay, _ in _TRACKS]
    return torch.stack(kernels)[:, None].to(dtype)


def expected_coverage(dna: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the coverage that windows of DNA have on average.

    Parameters
    ----------
    dna : Tensor, shape (B, 4, L), float32
        L a multiple of the bin width; what lies beyond the ends counts as N.
    dtype : torch.dtype
        What to compute in.

    Returns
    -------
    Tensor, shape (B, L / 128, T)
        Expected counts per bin, tracks in the order of `TRACKS`; no bin is cropped.
    """
    weight = {
        name: torch.tensor([table.get(f, (0.0, 0.0)) for f in FACTOR_NAMES], dtype=dtype).T
        for name, table in (("opens", _OPENS), ("drives", _DRIVES))
    }
    occupancy = affinity(dna).clamp(min=0).to(dtype)
    cells = _sum_runs(occupancy, CELL)  # (B, F, cells)

    reach = GATE_REACH // CELL
    distance = torch.arange(-reach, reach + 1, dtype=dtype).abs() * CELL
    decay = torch.exp(-distance / GATE_DECAY).expand(2, 1, -1)
    gate = 0.1 + F.conv1d(weight["drives"] @ cells, decay, padding=reach, groups=2)
    tata = cells[:, FACTOR_NAMES.index("TBP"), None]

    signal = torch.cat(
        [
            CHIP.height * cells,
            DNASE.height * weight["opens"] @ cells,
            CAGE.height * tata * gate,
        ],
        dim=1,
    )  # (B, T, cells)
    kernels = _spread(dtype)
    spread = F.conv1d(signal, kernels, padding=kernels.shape[-1] // 2, groups=len(TRACKS))
    baseline = torch.tensor([assay.baseline for assay, _ in _TRACKS], dtype=dtype)
    return _sum_runs(spread, BIN_WIDTH // CELL).transpose(1, 2) + baseline


def _sum_runs(x: Tensor, width: int) -> Tensor:
    """Sum along the last axis over runs of this many."""
    return x.reshape(*x.shape[:-1], -1, width).sum(-1)


# ---------------------------------------------------------------- sequence


def simulate_dna(length: int, rng: np.random.Generator, density: float = 1.0) -> Codes:
    """Draw DNA: a background poor in CG, with binding sites planted in it.

    Parameters
    ----------
    length : int
        Bases.
    rng : numpy.random.Generator
    density : float
        Sites planted, as a multiple of the usual number.
    """
    gc = np.repeat(np.clip(rng.normal(0.42, 0.06, -(-length // 1000)), 0.3, 0.6), 1000)[:length]
    strong = rng.random(length) < gc
    second = rng.random(length) < 0.5
    codes = np.where(strong, 1 + second, 3 * second).astype(np.uint8)
    cg = np.flatnonzero((codes[:-1] == 1) & (codes[1:] == 2))
    cg = cg[rng.random(len(cg)) < 0.75]
    to_tg = rng.random(len(cg)) < 0.5
    codes[cg[to_tg]] = 3
    codes[cg[~to_tg] + 1] = 0
    for position, factor in _layout(length, rng, density):
        _plant(codes, position, draw_site(factor, rng, degraded=rng.random() < 0.25))
    for position in _scatter(length, rng, 12 * density):
        _plant(codes, position, draw_site(_choose(FACTOR_NAMES, rng), rng, degraded=True))
    return codes


def mask_run(codes: Codes, rng: np.random.Generator) -> None:
    """Turn a run of a window into N, as in a gap of the assembly or beyond a contig's end."""
    length = len(codes)
    start = int(rng.integers(-length // 2, length))
    codes[max(start, 0) : max(start + int(rng.integers(1, length // 2)), 0)] = 4


def _scatter(length: int, rng: np.random.Generator, per_window: float) -> NDArray[np.int64]:
    number = rng.poisson(per_window * length / WINDOW_LENGTH)
    return rng.integers(0, length, number)


def _choose(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _layout(length: int, rng: np.random.Generator, density: float) -> list[tuple[int, str]]:
    """Return positions and factors of the elements' sites, per 16 kb on average."""
    sites = []
    for start in _scatter(length, rng, 5 * density):  # enhancers
        for _ in range(int(rng.integers(2, 5))):
            name = _choose(("GATA1", "SP1", "AP1", "HNF4A", "GABPA"), rng)
            sites.append((int(start) + int(rng.integers(150)), name))
    for start in _scatter(length, rng, 4 * density):  # promoters
        sites.append((int(start), "TBP"))
        side = 1 if rng.random() < 0.5 else -1
        for _ in range(int(rng.integers(1, 4))):
            name = _choose(("SP1", "GABPA"), rng)
            sites.append((int(start) + side * int(rng.integers(30, 200)), name))
    sites += [(int(start), "CTCF") for start in _scatter(length, rng, 3 * density)]
    return sites


@cache
def _cumulative(name: str, degraded: bool) -> NDArray[np.float64]:
    """Return the cumulative base probabilities of a planted site's columns, (width, 4)."""
    factor = FACTORS[FACTOR_NAMES.index(name)]
    strong, weak = (0.90, 0.70) if degraded else (0.99, 0.90)
    return factor.columns(strong, weak).cumsum(axis=1)


def draw_site(name: str, rng: np.random.Generator, *, degraded: bool = False) -> Codes:
    """Draw a site of a factor, good or degraded, on a random strand."""
    cumulative = _cumulative(name, degraded)
    site = (rng.random(len(cumulative))[:, None] > cumulative[:, :3]).sum(axis=1)
    codes: Codes = (site if rng.random() < 0.5 else 3 - site[::-1]).astype(np.uint8)
    return codes


def _plant(codes: Codes, position: int, site: Codes) -> None:
    """Write a site over the sequence; nothing where it would not fit."""
    if 0 <= position <= len(codes) - len(site):
        codes[position : position + len(site)] = site
