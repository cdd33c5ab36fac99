"""The incremental engine against two passes, which define the scores."""

import random
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from needs import CI
from torch.utils.flop_counter import FlopCounterMode
from writers import read_alleles, write_fasta

from varscore import load_model
from varscore.engines.incremental import engine as incremental
from varscore.engines.incremental.engine import IncrementalEngine, unsupported
from varscore.engines.incremental.kernels.products import Products
from varscore.engines.incremental.reference import TRACK_BLOCK
from varscore.engines.incremental.schedule.reach import Span
from varscore.engines.incremental.schedule.walks import levels_for, walk_flops
from varscore.engines.incremental.trunk import Trunk
from varscore.engines.processor import Processor
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate
from varscore.models.config import BasenjiConfig
from varscore.models.random import random_checkpoint
from varscore.statistics import STATISTICS
from varscore.variant import Interval, Variant
from varscore.windows import Windowing

DATA = Path(__file__).parent / "data"
CHANGED = tuple(s for s in STATISTICS.values() if not s.needs_whole_window)
EVERY = tuple(STATISTICS.values())
TINY = BasenjiConfig(
    window_length=2048,
    n_tracks=5,
    stem_channels=6,
    tower_channels=(7, 8),
    num_blocks=4,
    block_channels=6,
    head_channels=9,
    crop_bins=20,
)
WIDE = replace(TINY, stem_channels=64, tower_channels=(66, 70))  # its trunk is filtered
# The precision of a processor that multiplies bfloat16, whatever this one has.
MIXED = {
    "precision": "mixed",
    "processor": replace(Processor.of(torch.device("cpu")), bfloat16=True),
}
ENSEMBLES = [(False, (0,)), (True, (0,)), (False, (5, -3)), (True, (1, 0, -1))]


def write_genome(folder, **contigs):
    return ReferenceGenome(write_fasta(folder / "genome.fa", contigs))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """A contig of 6,000 bases with a run of N, and a short one."""
    letters = random.Random(1)
    long = "".join(letters.choices("ACGT", k=6000))
    long = long[:3000] + "N" * 50 + long[3050:]
    short = "".join(letters.choices("ACGT", k=700))
    return write_genome(tmp_path_factory.mktemp("genome"), long=long, short=short)


@pytest.fixture(scope="module")
def tiny():
    return random_checkpoint(TINY).network().double()


def windowing_of(config, **options):
    return Windowing(config.window_length, config.bin_width, **options)


def bases_at(genome, contig, pos, length):
    return genome.fetch(Interval(contig, pos - 1, pos - 1 + length))


def substitution(genome, contig, pos, length=1, seed=0):
    """Another letter at each base; None where the genome has an N."""
    ref = bases_at(genome, contig, pos, length)
    turn = {b: "ACGT".replace(b, "")[(seed + pos) % 3] for b in "ACGT"}
    return None if "N" in ref else Variant(contig, pos, ref, "".join(turn[b] for b in ref))


def deletion(genome, contig, pos, length):
    ref = bases_at(genome, contig, pos, length + 1)
    return None if "N" in ref else Variant(contig, pos, ref, ref[0])


def insertion(genome, contig, pos, length):
    ref = bases_at(genome, contig, pos, 1)
    inserted = "".join(random.Random(pos).choices("ACGT", k=length))
    return None if ref == "N" else Variant(contig, pos, ref, ref + inserted)


def delins(genome, contig, pos, length, to):
    ref = bases_at(genome, contig, pos, length)
    inserted = "".join(random.Random(pos).choices("ACGT", k=to - 1))
    first = "CGTA"["ACGT".index(ref[0])] if ref[0] != "N" else "A"
    return None if "N" in ref else Variant(contig, pos, ref, first + inserted)


def mixture(genome, contig, length):
    """Every kind of variant, at ends, in the middle, side by side and on the same base."""
    near_n = (2990, 2999, 3000, 3051, 3060)
    middle = (length // 2, length // 2 + 1, length // 2 + 2)
    places = [1, 2, length, length - 1, *middle, *(p for p in near_n if p < length)]
    found = [substitution(genome, contig, p, seed=s) for p in places for s in (0, 1)]
    found += [substitution(genome, contig, p, k) for p, k in ((40, 2), (300, 9), (511, 40))]
    for pos, size in ((1, 4), (90, 1), (260, 100), (300, 3), (450, 8), (length - 9, 9)):
        found.append(deletion(genome, contig, pos, size))
    for pos, size in ((1, 60), (90, 1), (300, 2), (301, 100), (450, 17), (length, 30)):
        found.append(insertion(genome, contig, pos, size))
    found += [delins(genome, contig, 350, 5, 2), delins(genome, contig, 420, 2, 30)]
    return list(dict.fromkeys(v for v in found if v is not None))


def two_passes(network, genome, windowing, statistics, variants, tracks=None):
    """Return scores by the definition, float64, shape (B, S, T)."""
    tracks = range(network.config.n_tracks) if tracks is None else tracks
    engine = TwoPassEngine(network, genome, windowing, statistics, tracks)
    parts = [
        torch.stack([s.function(change) for s in statistics], dim=1)
        for change in engine.changes(variants)
    ]
    return torch.cat(parts).numpy()


def assert_equal(found, expected):
    error = np.abs(found - expected)
    right = error <= np.maximum(1e-9 * np.abs(expected), 1e-12)  # NaN is wrong
    assert right.all(), f"{(~right).sum()} scores differ, by up to {error[~right].max()}"


def relative(found, expected):
    known = (found != 0) | (expected != 0)  # NaN is, and so is what comes out
    with np.errstate(divide="ignore"):
        return np.median(np.abs(found - expected)[known] / np.abs(expected)[known])


@pytest.mark.parametrize("kind", ["centred", "binned"])
@pytest.mark.parametrize(("reverse", "shifts"), ENSEMBLES)
def test_every_kind_of_variant(tiny, genome, kind, reverse, shifts):
    windowing = windowing_of(TINY, kind=kind, shifts=shifts, reverse_complement=reverse)
    variants = mixture(genome, "long", 6000) + mixture(genome, "short", 700)
    random.Random(0).shuffle(variants)
    found = IncrementalEngine(tiny, genome, windowing, CHANGED, range(5)).score(variants)
    assert found.dtype == np.float64
    assert_equal(found, two_passes(tiny, genome, windowing, CHANGED, variants))


@pytest.mark.parametrize(("reverse", "shifts"), ENSEMBLES[1::2])
def test_statistics_of_the_whole_window(tiny, genome, reverse, shifts):
    windowing = windowing_of(TINY, shifts=shifts, reverse_complement=reverse)
    variants = mixture(genome, "long", 6000)[::2] + mixture(genome, "short", 700)[1::2]
    found = IncrementalEngine(tiny, genome, windowing, EVERY, range(5)).score(variants)
    expected = two_passes(tiny, genome, windowing, EVERY, variants)
    # A logarithm of a ratio of sums, or a divergence, loses what its terms have in common.
    assert np.abs(found - expected).max() < 1e-11
    differences = [i for i, s in enumerate(EVERY) if not s.needs_whole_window]
    assert_equal(found[:, differences], expected[:, differences])


@pytest.fixture(scope="module")
def human(tmp_path_factory):
    path = tmp_path_factory.mktemp("human") / "genome.fa"
    path.write_bytes((DATA / "oracle" / "genome.fa").read_bytes())
    return ReferenceGenome(path)


@pytest.fixture(scope="module")
def small(small_model):
    return deepcopy(small_model.network).double()


@pytest.mark.parametrize("kind", ["centred", "binned"])
def test_every_phase(genome, kind):
    """128 phases, the published model's number; on both strands, all at once."""
    config = replace(TINY, window_length=48 * 128, tower_channels=(4,) * 6, crop_bins=6)
    network = random_checkpoint(config).network().double()
    windowing = windowing_of(config, kind=kind, reverse_complement=True)
    variants = [substitution(genome, "long", pos) for pos in range(2001, 2129)]
    variants += [deletion(genome, "long", pos, 70) for pos in range(2001, 2129, 9)]
    found = IncrementalEngine(network, genome, windowing, CHANGED, range(5)).score(variants)
    assert_equal(found, two_passes(network, genome, windowing, CHANGED, variants))


def test_small_model(small, human):
    """The oracle's model, at human bases: wide layers, and every kind of variant."""
    windowing = windowing_of(small.config, reverse_complement=True)
    variants = [v for contig in human.lengths for v in mixture(human, contig, 9000)[::7]]
    tracks = [7, 0, 3]
    found = IncrementalEngine(small, human, windowing, CHANGED, tracks).score(variants)
    assert_equal(found, two_passes(small, human, windowing, CHANGED, variants, tracks))


@pytest.mark.slow
def test_demo_model(demo):
    """Trained weights, at the demo's own variants."""
    network, genome, variants = demo
    windowing = windowing_of(network.config, reverse_complement=True)
    wide, chosen = deepcopy(network).double(), variants[::25]
    assert sum(v.is_indel for v in chosen) > 1
    found = IncrementalEngine(wide, genome, windowing, CHANGED, range(11)).score(chosen)
    assert_equal(found, two_passes(wide, genome, windowing, CHANGED, chosen))


@pytest.fixture(scope="module")
def wide_genome(tmp_path_factory):
    """A contig of 140,000 bases: more than a window of the published model."""
    bases = "".join(random.Random(2).choices("ACGT", k=140_000))
    return write_genome(tmp_path_factory.mktemp("wide"), chr1=bases)


@pytest.mark.slow
def test_windows_of_the_published_model(wide_genome):
    """Its windows, bins, kernels and dilations, and few channels: every kind of variant."""
    narrow = replace(
        BasenjiConfig(), n_tracks=3, stem_channels=3, tower_channels=(4,) * 6,
        block_channels=4, head_channels=5,
    )  # fmt: skip
    network, windowing = random_checkpoint(narrow).network().double(), windowing_of(narrow)
    variants = [v for v in mixture(wide_genome, "chr1", 140_000)[::3] if v.pos > 3]
    variants += [insertion(wide_genome, "chr1", 70_040, 7), deletion(wide_genome, "chr1", 9, 2)]
    found = IncrementalEngine(network, wide_genome, windowing, CHANGED, range(3)).score(
        variants
    )
    assert_equal(found, two_passes(network, wide_genome, windowing, CHANGED, variants))


@pytest.mark.slow
@pytest.mark.full_size
def test_full_size(wide_genome):
    """The published model's architecture in float32, on 20 of its tracks, at one variant."""
    config = BasenjiConfig()
    network, windowing = random_checkpoint(config).network(), windowing_of(config)
    variants, tracks = [substitution(wide_genome, "chr1", 70_001)], range(0, 5313, 266)
    found = IncrementalEngine(network, wide_genome, windowing, CHANGED, tracks).score(variants)
    expected = two_passes(network, wide_genome, windowing, CHANGED, variants, tracks)
    d1 = expected[:, CHANGED.index(STATISTICS["D1"])]  # what all bins change by, of one sign
    assert (d1 > 1e-2).all()
    assert (np.abs(found - expected) < 1e-4 * np.maximum(d1, 1)).all()


def test_every_track_block(genome):
    """More tracks than are projected at a time."""
    config = replace(TINY, n_tracks=TRACK_BLOCK + 3)
    network = random_checkpoint(config).network().double()
    variants = mixture(genome, "long", 6000)[::9]
    tracks = list(range(config.n_tracks))[::-1]
    found = IncrementalEngine(network, genome, windowing_of(config), EVERY[:4], tracks).score(
        variants
    )
    assert_equal(
        found, two_passes(network, genome, windowing_of(config), EVERY[:4], variants, tracks)
    )


@st.composite
def architectures(draw):
    odd = st.sampled_from([1, 3, 5, 7])
    layers = draw(st.integers(0, 3))
    bins = 2 * draw(st.integers(4, 80))
    return BasenjiConfig(
        window_length=bins * 2 ** (layers + 1),
        n_tracks=2,
        stem_channels=3,
        stem_kernel_size=draw(st.sampled_from([1, 3, 9, 15])),
        tower_channels=tuple(
            draw(st.lists(st.integers(2, 4), min_size=layers, max_size=layers))
        ),
        tower_kernel_size=draw(odd),
        num_blocks=draw(st.integers(0, 4)),
        block_channels=2,
        block_kernel_size=draw(odd),
        dilation_rate=draw(st.sampled_from([1.0, 1.5, 2.0])),
        crop_bins=draw(st.integers(0, bins // 2 - 1)),
        head_channels=3,
        activation=draw(st.sampled_from(["gelu_new", "quick_gelu"])),
    )


@settings(max_examples=100 if CI else 30, suppress_health_check=list(HealthCheck))
@given(architectures(), st.data())
def test_random_architectures(genome, config, data):
    """Equality wherever the arithmetic says that it serves, refusal elsewhere."""
    network = random_checkpoint(config).network().double()
    windowing = windowing_of(
        config,
        kind=data.draw(st.sampled_from(["centred", "binned"])),
        shifts=tuple(data.draw(st.sampled_from([(0,), (1, -1), (0, 3)]))),
        reverse_complement=data.draw(st.booleans()),
    )
    pos = data.draw(st.integers(1, 600))
    lengths = st.integers(1, min(30, config.window_length // 4))
    made = [
        substitution(genome, "short", pos, data.draw(lengths)),
        deletion(genome, "short", pos, data.draw(lengths)),
        insertion(genome, "short", pos, data.draw(lengths)),
    ]
    statistics = EVERY if data.draw(st.booleans()) else CHANGED
    engine = IncrementalEngine(network, genome, windowing, statistics, range(2))
    for refused in (v for v in made if unsupported(config, windowing, v)):
        with pytest.raises(OptionError, match="zero padding"):
            engine.score([refused])
    variants = [v for v in made if not unsupported(config, windowing, v)]
    assume(variants)
    found = engine.score(variants)
    expected = two_passes(network, genome, windowing, statistics, variants)
    differences = [i for i, s in enumerate(statistics) if not s.needs_whole_window]
    assert_equal(found[:, differences], expected[:, differences])
    # A logarithm of a ratio of sums, or a divergence, loses what its terms have in common.
    error = np.abs(found - expected)
    assert (error <= 1e-9 * np.abs(expected) + 1e-11).all()


def test_short_windows_with_wide_dilations(genome):
    """What a variant reaches feels the window's ends: its own reference, the same scores."""
    config = replace(TINY, window_length=512, num_blocks=7, crop_bins=2)
    network, windowing = random_checkpoint(config).network().double(), windowing_of(config)
    variants = mixture(genome, "long", 6000)[::3]
    variants = [v for v in variants if not unsupported(config, windowing, v)]
    assert sum(not v.is_indel for v in variants) > 5
    found = IncrementalEngine(network, genome, windowing, CHANGED, range(5)).score(variants)
    assert_equal(found, two_passes(network, genome, windowing, CHANGED, variants))


def test_refusals(tiny, genome):
    indel, snv = deletion(genome, "long", 500, 3), substitution(genome, "long", 500)
    trim = windowing_of(TINY, indels="trim")
    assert "trim" in unsupported(TINY, trim, indel)
    assert unsupported(TINY, trim, snv) is None
    engine = IncrementalEngine(tiny, genome, trim, CHANGED, range(5))
    with pytest.raises(OptionError, match=r"long:500:.*--indels trim.*two-pass"):
        engine.score([snv, indel])
    # 16 bins, of which one indel's registers need more: the answer names the bins.
    short = replace(TINY, window_length=128, crop_bins=0)
    assert "zero padding" in unsupported(short, windowing_of(short), indel)
    # A substitution as long as half the window reaches its end, which the crop may leave out.
    long, whole = substitution(genome, "long", 1000, 1020), replace(TINY, crop_bins=0)
    assert "zero padding" in unsupported(whole, windowing_of(whole), long)
    assert unsupported(TINY, windowing_of(TINY), long) is None
    assert_equal(
        IncrementalEngine(tiny, genome, windowing_of(TINY), CHANGED, [0]).score([long]),
        two_passes(tiny, genome, windowing_of(TINY), CHANGED, [long], [0]),
    )


def test_a_trunk_that_is_filtered_is_exact(genome):
    network, windowing = random_checkpoint(WIDE).network().double(), windowing_of(WIDE)
    variants = mixture(genome, "long", 6000)[::7]
    found = IncrementalEngine(network, genome, windowing, CHANGED, range(5)).score(variants)
    assert_equal(found, two_passes(network, genome, windowing, CHANGED, variants))
    products = Products("matmul")
    trunk = Trunk(network, products)
    levels = levels_for(trunk.reach, (0,), Span(0, 200))
    bases = torch.eye(4).double()[torch.arange(levels[0].span.width) % 4][None]
    trunk.walk(bases, levels)
    assert products.flops.total < 0.8 * walk_flops(trunk.reach, levels)


def test_nothing_and_one(tiny, genome):
    engine = IncrementalEngine(tiny, genome, windowing_of(TINY), CHANGED, [4])
    assert engine.score([]).shape == (0, len(CHANGED), 1)
    variant = substitution(genome, "short", 333)
    assert_equal(
        engine.score([variant]),
        two_passes(tiny, genome, windowing_of(TINY), CHANGED, [variant], [4]),
    )


@pytest.mark.parametrize(
    ("config", "bound", "options"),
    [
        (TINY, 2e-6, {}),
        (WIDE, 2e-6, {}),
        (WIDE, 3e-3, MIXED),
    ],
)
def test_scores_depend_on_nothing_but_the_variant(genome, config, bound, options):
    """To 2e-6 of the sum of all absolute changes (D1), whatever else is done alongside.

    In bfloat16 to 3e-3, less than its own error: a last digit of the reference may decide
    which way a number is rounded.
    """
    network = random_checkpoint(config).network()
    windowing = windowing_of(config, reverse_complement=True)
    variants = mixture(genome, "long", 6000)

    def scores(found, threads=1, **more):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            engine = IncrementalEngine(
                network, genome, windowing, CHANGED, range(5), **options, **more
            )
            return dict(zip(found, engine.score(found), strict=True))
        finally:
            torch.set_num_threads(before)

    together = scores(variants)
    assert together[variants[0]].dtype == np.float32
    alone = {v: scores([v])[v] for v in variants[:: 5 if CI else 12]}
    backwards = scores(variants[::-1], threads=2)
    halves = scores(variants[::2]) | scores(variants[1::2])
    # Every stretch, walk, segment and batch as small as can be.
    small = scores(variants, memory=1)
    sad, d1 = CHANGED.index(STATISTICS["SAD"]), CHANGED.index(STATISTICS["D1"])
    for other in (alone, backwards, halves, small):
        for variant, found in other.items():
            expected = together[variant]
            assert np.abs(found[sad] - expected[sad]).max() <= bound * expected[d1].max()
            assert np.allclose(found[d1], expected[d1], rtol=5 * bound)


@pytest.mark.parametrize("statistics", [CHANGED[:1], EVERY])
def test_counts_the_flops_that_torch_counts(small_model, human, statistics):
    """On one thread, the only one whose operations torch's counter sees."""
    variants = [substitution(human, "inside", pos) for pos in range(20_000, 20_300, 50)]
    variants += [deletion(human, "inside", 20_100, 5), insertion(human, "inside", 20_200, 3)]
    windowing = windowing_of(small_model.config, reverse_complement=True, shifts=(0, 1))
    engine = IncrementalEngine(small_model.network, human, windowing, statistics, range(12))
    with FlopCounterMode(display=False) as counter:
        engine.score(variants)
    assert engine.products.flops.total == counter.get_total_flops() > 0


def test_progress_counts_every_variant(tiny, genome):
    counts = []
    variants = mixture(genome, "long", 6000) + mixture(genome, "short", 700)
    engine = IncrementalEngine(tiny, genome, windowing_of(TINY), CHANGED[:1], range(5))
    engine.score(variants, counts.append)
    assert sum(counts) == len(variants)
    assert len(counts) > 1


def test_goes_on_with_less_after_running_out_of_memory(tiny, genome, monkeypatch):
    """As a GPU does it: the error comes in the midst of a batch that is too large."""
    variants = mixture(genome, "long", 6000)
    expected = two_passes(tiny, genome, windowing_of(TINY), CHANGED, variants)
    score_batch, sizes, counts = incremental.score_batch, [], []

    def small_gpu(stages, layout, placed, *others):
        sizes.append(len(placed[0].origins))
        if sizes[-1] > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return score_batch(stages, layout, placed, *others)

    monkeypatch.setattr(incremental, "score_batch", small_gpu)
    engine = IncrementalEngine(
        tiny, genome, windowing_of(TINY, kind="binned"), CHANGED, range(5), memory=1 << 30
    )
    found = engine.score(variants, counts.append)
    expected = two_passes(tiny, genome, windowing_of(TINY, kind="binned"), CHANGED, variants)
    assert max(sizes) > 2 >= sizes[-1]
    assert sum(counts) == len(variants)
    assert_equal(found, expected)


def test_gives_up_when_nothing_is_left(tiny, genome, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(incremental, "score_batch", full)
    engine = IncrementalEngine(tiny, genome, windowing_of(TINY), CHANGED, range(5))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        engine.score(mixture(genome, "long", 6000)[:3])


@pytest.fixture(scope="module")
def demo():
    """The demo's trained network, genome and variants."""
    folder = Path(__file__).parents[1] / "resources" / "demo"
    genome = ReferenceGenome(folder / "genome.fa.gz")
    found = (locate(a, genome).variant for a in read_alleles(folder / "demo.vcf"))
    variants = list(dict.fromkeys(v for v in found if v is not None))
    return load_model("demo", device="cpu").network, genome, variants


@pytest.mark.slow
def test_precision_of_large_and_of_tiny_effects(demo):
    """Each arithmetic against float64, for large and for tiny effects, which lose digits."""
    network, genome, variants = demo
    windowing, tracks, sad = windowing_of(network.config), range(11), CHANGED[:1]

    def scores(engine, network, chosen, **options):
        made = engine(network, genome, windowing, sad, tracks, **options)
        return made.score(chosen)[:, 0]

    snvs = [v for v in variants if not v.is_indel][:: 4 if CI else 8]
    indels = [v for v in variants if v.is_indel][:: 6 if CI else 12]
    wide = scores(IncrementalEngine, deepcopy(network).double(), snvs + indels)
    sizes = dict(zip(snvs, np.median(np.abs(wide), axis=1), strict=False))
    by_size = sorted(snvs, key=sizes.__getitem__)
    half = min(24, len(by_size) // 3)
    chosen = by_size[:half] + by_size[-half:] + indels
    tiny, large, others = slice(half), slice(half, 2 * half), slice(2 * half, None)
    exact = wide[[(snvs + indels).index(v) for v in chosen]]
    assert np.median(np.abs(exact[tiny])) < 1e-3 * np.median(np.abs(exact[large]))
    full = scores(IncrementalEngine, network, chosen)
    mixed = scores(IncrementalEngine, network, chosen, **MIXED)
    for some in (tiny, large, others):
        assert relative(full[some], exact[some]) <= 1e-5
        assert relative(mixed[some], exact[some]) <= 1e-2
    plain = scores(TwoPassEngine, network, chosen[tiny])
    assert relative(plain, exact[tiny]) >= 100 * relative(full[tiny], exact[tiny])
    for found, expected in zip(mixed, exact, strict=True):
        assert np.corrcoef(found, expected)[0, 1] >= 0.999


def test_precision(small_model, human):
    """Float32 and forced bfloat16 differences against float64, over the tracks of each SNV."""
    network, windowing = small_model.network, windowing_of(small_model.config)
    variants = [substitution(human, "inside", pos) for pos in range(20_000, 20_400, 40)]
    sad = CHANGED[:1]

    def engine(network, **options):
        return IncrementalEngine(network, human, windowing, sad, range(12), **options)

    exact = engine(deepcopy(network).double()).score(variants)[:, 0]
    full = engine(network).score(variants)[:, 0]
    plain = TwoPassEngine(network, human, windowing, sad, range(12)).score(variants)[:, 0]
    reduced = engine(network, **MIXED)
    mixed = reduced.score(variants)[:, 0]
    assert relative(full, exact) <= min(1e-5, relative(plain, exact))
    assert relative(mixed, exact) <= 2e-2
    for found, expected in zip(mixed, exact, strict=True):
        assert np.corrcoef(found, expected)[0, 1] >= 0.999
    assert reduced.describe()["differences"] == "bfloat16"
    assert engine(network).describe()["differences"] == "float32"


def test_tiny_effects_keep_their_digits(genome):
    """Two float32 passes round away what the difference keeps."""
    network = random_checkpoint(TINY).network()
    with torch.no_grad():
        network.head.conv.weight.mul_(1e-4)
    variants = [substitution(genome, "long", pos) for pos in range(1000, 1100, 10)]
    windowing, sad = windowing_of(TINY), CHANGED[:1]
    exact = IncrementalEngine(deepcopy(network).double(), genome, windowing, sad, range(5))
    expected = exact.score(variants)
    found = IncrementalEngine(network, genome, windowing, sad, range(5)).score(variants)
    plain = TwoPassEngine(network, genome, windowing, sad, range(5)).score(variants)
    assert relative(found, expected) <= 1e-5
    assert relative(plain, expected) >= 100 * relative(found, expected)


def test_differences_of_any_size_stay_finite(demo):
    """Weights a thousand times too large: coverage explodes, and scores stay numbers."""
    network, genome, variants = demo
    network = deepcopy(network)
    with torch.no_grad():
        network.final.weight.mul_(1000)
    engine = partial(IncrementalEngine, network, genome, windowing_of(network.config), CHANGED)
    expected = TwoPassEngine(
        deepcopy(network).double(), genome, windowing_of(network.config), CHANGED, range(11)
    ).score(variants[:16])
    assert np.abs(expected).max() > 1e4
    for options in ({}, MIXED):
        found = engine(range(11), **options).score(variants[:16])
        assert np.isfinite(found).all()
        tolerance = 5e-2 if options else 1e-3
        assert relative(found, expected) <= tolerance


@pytest.mark.parametrize(
    ("dtype", "options", "statistics", "differences", "projection"),
    [
        ("float32", {}, CHANGED, "float32", "float32"),
        ("float32", MIXED, CHANGED, "bfloat16", "bfloat16"),
        # Sums over the reference itself are not reduced.
        ("float32", MIXED, EVERY, "bfloat16", "float32"),
        ("float64", MIXED, EVERY, "float64", "float64"),
    ],
)
def test_says_how_it_computes(genome, dtype, options, statistics, differences, projection):
    network = random_checkpoint(TINY).network().to(getattr(torch, dtype))
    engine = IncrementalEngine(network, genome, windowing_of(TINY), statistics, [0], **options)
    processor = Processor.of(torch.device("cpu"))
    assert engine.describe() == {
        "engine": "incremental",
        "kernel": "packed" if dtype == "float32" and processor.packs else "matmul",
        "differences": differences,
        "reference_projection": projection,
        "filtered_trunk": True,
        "device": "cpu",
        "processor": processor.name,
    }
