"""Coverage of regions, held against windows cut by hand; and what is written of it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pybigtools
import pytest
import torch
from writers import write_fasta

from varscore import load_model, predict_region
from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.prediction.region import RegionPredictor, halo_bins
from varscore.sequence import reverse_complement
from varscore.variant import Interval

DEMO = Path(__file__).parents[1] / "resources" / "demo"
LENGTHS = {"b": 9001, "a": 22_222, "short": 10, "other": 5000}  # not in the names' order
BIN, WINDOW, CROP = 4, 4096, 16  # of tiny_model


@pytest.fixture(scope="module")
def contigs():
    random = np.random.default_rng(5)
    return {name: "".join(random.choice(list("ACGT"), n)) for name, n in LENGTHS.items()}


@pytest.fixture(scope="module")
def genome(contigs, tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("genome") / "g.fa", contigs)


def test_300_kb_are_those_of_windows_cut_by_hand():
    """Windows of 128 bins that begin elsewhere; 36 bins from their ends nothing is felt."""
    model = load_model("demo", device="cpu")
    found = predict_region("chrA:1-300000", DEMO / "genome.fa.gz", model=model)
    assert found.starts.tolist() == list(range(0, 300_000, 128))
    with ReferenceGenome(DEMO / "genome.fa.gz") as genome:
        predictor = RegionPredictor(genome, model)
        starts = [128 * (first - 36) for first in range(36, 2344 - 56, 56)]
        windows = [genome.fetch(Interval("chrA", s, s + 16_384)) for s in starts]
    cut = model.predict(windows)
    expected = np.concatenate([one[36 - 16 : 36 - 16 + 56] for one in cut])
    np.testing.assert_allclose(found.coverage[36 : 36 + len(expected)], expected, rtol=2e-4)
    seams = [place for place in range(36, 36 + len(expected)) if place % predictor.step == 0]
    assert len(seams) == 32


@pytest.mark.parametrize("both", [False, True])
def test_a_bin_is_a_function_of_the_genome_alone(contigs, genome, tiny_model, both):
    """Each bin but the first ones in the middle of a window of its own, cut by hand."""
    found = predict_region("a:5001-13000", genome, model=tiny_model, reverse_complement=both)
    assert (found.starts[0], found.ends[-1]) == (5000, 13_000)
    for place in range(0, len(found.starts), 173):
        start = found.starts[place] - WINDOW // 2
        window = contigs["a"][start : start + WINDOW]
        (expected,) = tiny_model.predict([window])[:, WINDOW // BIN // 2 - CROP]
        if both:
            (other,) = tiny_model.predict([reverse_complement(window)])
            expected = (expected + other[::-1][WINDOW // BIN // 2 - CROP]) / 2
        np.testing.assert_allclose(found.coverage[place], expected, rtol=1e-4)


def test_beyond_a_contigs_ends_is_n(contigs, genome, tiny_model):
    found = predict_region("short", genome, model=tiny_model)
    assert found.starts.tolist() == [0, 4, 8]
    assert found.ends.tolist() == [4, 8, 10]
    window = "N" * 2048 + contigs["short"] + "N" * (2048 - 10)
    expected = tiny_model.predict([window])[0, 512 - CROP : 515 - CROP]
    np.testing.assert_allclose(found.coverage, expected, rtol=1e-4)


def test_regions_agree_where_they_meet(genome, tiny_model):
    """Whatever is asked for besides, and whatever memory there is for it."""
    whole = predict_region("a", genome, model=tiny_model, memory=1 << 20)
    part = predict_region("a:9,999-12,345", genome, model=tiny_model, tracks="track_1")
    first = 9998 // BIN
    assert part.starts[0] == BIN * first
    assert part.tracks == ("track_1",)
    values = whole.coverage[first : first + len(part.starts), 1:]
    np.testing.assert_allclose(part.coverage, values, rtol=1e-5)


def test_no_base_that_is_further_away_is_felt():
    """By hand, of the published model: dilations sum to 212; 259 bases are 3 bins."""
    assert halo_bins(BasenjiConfig()) == 215
    config = BasenjiConfig(
        window_length=2048, n_tracks=1, stem_channels=4, tower_channels=(4, 4), num_blocks=3,
        block_channels=4, head_channels=4, crop_bins=2,
    )  # fmt: skip
    torch.manual_seed(1)
    network, halo = Basenji2(config).eval(), halo_bins(config)
    dna = torch.rand(1, 4, 2048, requires_grad=True)
    network(dna)[0, halo - 2, 0].backward()
    felt = dna.grad[0].abs().sum(0).nonzero()
    assert felt.min() >= 0
    assert felt.min() < 8  # the bin's own width: no smaller halo would do
    assert felt.max() < 2048 - 1


def read(path):
    """Return a bigWig's intervals, as another library reads them."""
    with pybigtools.open(str(path)) as file:
        return {name: list(file.records(name)) for name in sorted(file.chroms())}


def rows(table, column):
    return {
        name: list(zip(some["start"], some["end"], some[column], strict=True))
        for name, some in table.groupby("chrom")
    }


def test_files_of_a_bed(varscore, genome, tiny_weights, tmp_path):
    bed = tmp_path / "r.bed"
    bed.write_text("b\t8990\t9050\na\t100\t200\na\t40\t101\nshort\t0\t5\na\t1000\t1001\n")
    out = tmp_path / "out"
    words = ("predict", bed, "-g", genome, "--model", tiny_weights, "-o", out)
    assert varscore(*words)[0] == 0
    table = pd.read_parquet(out / "coverage.parquet")
    spans = [(c, s) for c, s in zip(table["chrom"], table["start"], strict=True)]
    expected = [("a", s) for s in (*range(40, 200, 4), 1000)]
    expected += [("b", s) for s in range(8988, 9001, 4)] + [("short", 0), ("short", 4)]
    assert spans == expected
    assert table["end"].max() == 9001
    for track in ("track_0", "track_1"):
        found = read(out / f"{track}.bw")
        assert {name: some for name, some in found.items() if some} == rows(
            table, f"coverage_{track}"
        )
        assert set(found) == set(LENGTHS)
    listed = json.loads((out / "contents.json").read_text())
    assert listed["files"] == ["coverage.parquet", "track_0.bw", "track_1.bw"]
    assert listed["regions"][0] == ["a", 40, 200]


def test_files_of_sequences(varscore, genome, tiny_weights, tiny_model, tmp_path):
    out = tmp_path / "out"
    words = ("predict", genome, "--model", tiny_weights, "-o", out, "--tracks", "track_1")
    assert varscore(*words)[0] == 0
    table = pd.read_parquet(out / "coverage.parquet")
    assert len(table) == sum(-(-length // BIN) for length in LENGTHS.values())
    expected = predict_region("b", genome, model=tiny_model, tracks="track_1")
    found = table[table["chrom"] == "b"]["coverage_track_1"].to_numpy()
    np.testing.assert_allclose(found, expected.coverage[:, 0], rtol=1e-5)


def test_the_same_command_gives_the_same_bytes(varscore, genome, tiny_weights, tmp_path):
    words = ("predict", "a:1-9000", "-g", genome, "--model", tiny_weights, "-o")
    for name in ("one", "two"):
        assert varscore(*words, tmp_path / name)[0] == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
