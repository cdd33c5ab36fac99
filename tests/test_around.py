"""Where scores look: `--around`, against bins that a loop over their bases finds."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import CI
from test_incremental import (
    CHANGED,
    EVERY,
    TINY,
    architectures,
    assert_equal,
    deletion,
    insertion,
    mixture,
    substitution,
    windowing_of,
    write_genome,
)
from writers import write_vcf

from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.engines.incremental.engine import IncrementalEngine, unsupported
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import OptionError, OutputError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.encoding import one_hot
from varscore.models.random import random_checkpoint
from varscore.results.annotate import write_table
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard
from varscore.statistics import STATISTICS, CoverageChange
from varscore.variant import Interval
from varscore.windows import windowing_for

WIDTHS = (0, 100, 300, "window")
SHARED = tuple(STATISTICS[name] for name in ("SAD", "SAX", "logD2"))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """A contig with a run of N, and one that is shorter than a window."""
    letters = np.random.default_rng(4)
    long = "".join(letters.choice(list("ACGT"), 5000))
    long = long[:3000] + "N" * 50 + long[3050:]
    short = "".join(letters.choice(list("ACGT"), 700))
    return write_genome(tmp_path_factory.mktemp("genome"), long=long, short=short)


@pytest.fixture(scope="module")
def tiny():
    return random_checkpoint(TINY).network().double()


def bins_by_hand(config, windowing, variant, width):
    """Return the predicted bins that hold a base within `width` of REF, base by base."""
    start = variant.start - (config.window_length // 2 - 1)
    if windowing.kind == "binned":
        while start % config.bin_width:
            start += 1
    if windowing.indels == "trim" and len(variant.ref) > len(variant.alt):
        start += (len(variant.ref) - len(variant.alt)) // 2
    found = []
    for number in range(config.n_bins):
        first = start + (config.crop_bins + number) * config.bin_width
        bases = range(first, first + config.bin_width)
        low, high = variant.start, variant.end
        if width == "window" or any(low - width <= base < high + width for base in bases):
            found.append(number)
    return found


def by_hand(network, genome, windowing, statistics, variants):
    """Return every statistic over every width, float64, from whole windows in two passes."""
    config = network.config
    whole = TwoPassEngine(network, genome, windowing, statistics, range(config.n_tracks))
    rows = []
    for variant in variants:
        (change,) = whole.changes([variant])
        parts = {}
        for width in windowing.around:
            bins = bins_by_hand(config, windowing, variant, width)
            parts[width] = CoverageChange.between(change.ref[:, bins], change.alt[:, bins])
        scores = [
            statistic.function(parts[width])[0]
            for statistic, width in product(statistics, windowing.around)
        ]
        rows.append(torch.stack(scores))
    return torch.stack(rows).numpy()


def assert_near(found, expected, statistics, widths):
    """Equal to 1e-9, or 1e-11 absolute."""
    assert found.shape == expected.shape
    error = np.abs(found - expected)
    right = error <= np.maximum(1e-9 * np.abs(expected), 1e-11)  # NaN is wrong
    for column, (statistic, width) in enumerate(product(statistics, widths)):
        assert right[:, column].all(), (statistic.name, width, error[:, column].max())


@pytest.mark.parametrize("kind", ["centred", "binned"])
@pytest.mark.parametrize(("reverse", "shifts"), [(False, (0,)), (True, (5, -3))])
def test_every_kind_of_variant(tiny, genome, kind, reverse, shifts):
    windowing = windowing_of(
        TINY, kind=kind, shifts=shifts, reverse_complement=reverse, around=WIDTHS
    )
    variants = mixture(genome, "long", 5000) + mixture(genome, "short", 700)
    expected = by_hand(tiny, genome, windowing, EVERY, variants)
    of_changed = [
        column
        for column, (statistic, _) in enumerate(product(EVERY, WIDTHS))
        if statistic in CHANGED
    ]
    made = IncrementalEngine(tiny, genome, windowing, CHANGED, range(5))
    assert_near(made.score(variants), expected[:, of_changed], CHANGED, WIDTHS)
    for engine in (TwoPassEngine, IncrementalEngine):
        made = engine(tiny, genome, windowing, EVERY, range(5))
        assert_near(made.score(variants[::3]), expected[::3], EVERY, WIDTHS)


def test_trimmed_indels(tiny, genome):
    """Whose reference window lies elsewhere; by two passes alone."""
    windowing = windowing_of(TINY, indels="trim", around=(0, 40))
    variants = [v for v in mixture(genome, "long", 5000) if v.is_indel]
    found = TwoPassEngine(tiny, genome, windowing, EVERY, range(5)).score(variants)
    assert_near(
        found, by_hand(tiny, genome, windowing, EVERY, variants), EVERY, windowing.around
    )


def test_trimmed_indels_must_lie_in_what_is_predicted():
    narrow = replace(TINY, crop_bins=120)
    options = ScoreOptions(around=(0,), indels="trim", max_allele_length=400)
    with pytest.raises(OptionError, match="around: a deletion of 400 bases"):
        windowing_for(options, narrow)
    windowing_for(replace(options, indels="stitch"), narrow)
    windowing_for(replace(options, around=("window",)), narrow)


@settings(max_examples=100 if CI else 30, suppress_health_check=list(HealthCheck))
@given(architectures(), st.data())
def test_random_architectures(genome, config, data):
    network = random_checkpoint(config).network().double()
    widths = data.draw(
        st.lists(st.sampled_from([0, 1, 9, 60, 250, "window"]), min_size=1, unique=True)
    )
    windowing = windowing_of(
        config,
        kind=data.draw(st.sampled_from(["centred", "binned"])),
        shifts=data.draw(st.sampled_from([(0,), (0, 1, -1), (7,)])),
        reverse_complement=data.draw(st.booleans()),
        around=tuple(widths),
    )
    statistics = data.draw(st.sampled_from([SHARED, EVERY]))
    place = data.draw(st.integers(1, 4900))
    size = data.draw(st.integers(1, 30))
    variants = [
        substitution(genome, "long", place),
        substitution(genome, "long", place, size),
        deletion(genome, "long", place, size),
        insertion(genome, "long", place, size),
    ]
    served = [v for v in variants if v and unsupported(config, windowing, v) is None]
    if not served:
        return
    tracks = range(config.n_tracks)
    expected = by_hand(network, genome, windowing, statistics, served)
    for engine in (TwoPassEngine, IncrementalEngine):
        found = engine(network, genome, windowing, statistics, tracks).score(served)
        assert_near(found, expected, statistics, windowing.around)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_wide_as_the_change_is_the_whole_window(genome, dtype):
    """Bit for bit: the same bins are computed in the same way."""
    network = random_checkpoint(TINY).network().to(dtype)
    variants = mixture(genome, "long", 5000)
    score = partial(IncrementalEngine, network, genome)
    whole = score(windowing_of(TINY), CHANGED, range(5)).score(variants)
    for width in (TINY.window_length // 2, 10**9):
        wide = score(windowing_of(TINY, around=(width,)), CHANGED, range(5)).score(variants)
        assert wide.tobytes() == whole.tobytes()


def test_several_widths_are_what_each_is_alone(genome):
    network = random_checkpoint(TINY).network().double()
    variants = mixture(genome, "long", 5000)[::3]

    def score(*around):
        windowing = windowing_of(TINY, around=around)
        return IncrementalEngine(network, genome, windowing, EVERY, range(5)).score(variants)

    together = score(*WIDTHS).reshape(len(variants), len(EVERY), len(WIDTHS), 5)
    for number, width in enumerate(WIDTHS):
        assert np.abs(together[:, :, number] - score(width)).max() < 1e-11


def test_narrow_widths_cost_less(genome):
    """In FLOPs, which the products count."""
    config = replace(TINY, window_length=48 * 128, tower_channels=(4,) * 6, crop_bins=6)
    network = random_checkpoint(config).network()
    variants = [v for p in range(2400, 2600, 7) if (v := substitution(genome, "long", p))]

    def flops(statistics, *around):
        windowing = windowing_of(config, around=around)
        engine = IncrementalEngine(network, genome, windowing, statistics, range(5))
        engine.score(variants)
        return engine.products.flops.total

    assert flops(SHARED, 0) < 0.8 * flops(SHARED, "window")
    # References and alternates of these bins alone are no more than the differences in them.
    assert flops(EVERY, 0) == flops(SHARED, 0) < flops(EVERY, "window")
    assert flops(SHARED, 0, 300) == flops(SHARED, 300)


def test_a_wrong_sum_would_be_seen(tiny, genome):
    """The bins matter: a bin more, or the next ones, give other scores."""
    variants = mixture(genome, "long", 5000)[::5]
    windowing = windowing_of(TINY, around=(0,))
    found = IncrementalEngine(tiny, genome, windowing, SHARED[:1], range(5)).score(variants)
    wider = by_hand(tiny, genome, windowing_of(TINY, around=(16,)), SHARED[:1], variants)
    with pytest.raises(AssertionError):
        assert_equal(found, wider)


def test_a_result_says_where_it_looked(small_model, oracle_genome, tmp_path):
    """Columns, their metadata, the file's, and what reads them; scores against NumPy's sums."""
    bases = "".join(oracle_genome.read_text().split(">inside")[1].split("\n")[1:]).split(">")[0]
    places = (20_000, 20_005, 20_127)
    rows = [("inside", p, bases[p - 1], "ACGT".replace(bases[p - 1], "")[0]) for p in places]
    vcf = write_vcf(tmp_path / "in.vcf", rows)
    results = {}
    for name, around in (("one", 250), ("several", (250, 0, "window"))):
        results[name] = tmp_path / f"{name}.parquet"
        score_vcf(
            vcf, oracle_genome, results[name], model=small_model, around=around,
            statistics=["SAD", "JS"],
        )  # fmt: skip
    one, several = (read_scores(path, None) for path in results.values())
    measures = ["SAD_250", "SAD_0", "SAD", "JS_250", "JS_0", "JS"]
    identifiers = small_model.tracks.identifiers
    assert list(several.columns[10:]) == [f"{m}_{i}" for m in measures for i in identifiers]
    assert list(one.columns[10:]) == [f"{m}_{i}" for m in ("SAD", "JS") for i in identifiers]
    for measure in ("SAD", "JS"):
        near = read_scores(results["several"], f"{measure}_250").iloc[:, 10:].to_numpy()
        alone = read_scores(results["one"], measure).iloc[:, 10:].to_numpy()
        assert np.abs(near - alone).max() <= 1e-5 * np.abs(alone).max()
    with pytest.raises(OutputError, match="no statistic 'SAD_9' in it; choose from SAD_250, "):
        read_scores(results["several"], "SAD_9")
    assert read_metadata(results["one"])["options"]["around"] == [250]
    assert read_metadata(results["several"])["options"]["around"] == [250, 0, "window"]
    field = pq.read_schema(results["one"]).field(f"SAD_{identifiers[0]}")
    assert (field.metadata[b"statistic"], field.metadata[b"around"]) == (b"SAD", b"250")
    table = tmp_path / "top.tsv"
    write_table(results["several"], table)
    assert "TOP_SAD_250\tTOP_SAD_250_TRACK" in table.read_text().split("\n")[0]

    with ReferenceGenome(oracle_genome) as genome:
        half = small_model.config.window_length // 2 - 1
        for row, (contig, pos, ref, alt) in enumerate(rows):
            start = pos - 1 - half
            window = genome.fetch(Interval(contig, start, start + 2 * half + 2))
            assert window[half] == ref
            both = one_hot([window, window[:half] + alt + window[half + 1 :]])
            with torch.inference_mode():
                before, after = small_model.network(both).double().numpy()
            crop = small_model.config.crop_bins
            bins = slice((half - 250) // 128 - crop, (half + 250) // 128 - crop + 1)
            expected = (after - before)[bins].sum(axis=0)
            found = one.iloc[row, 10 : 10 + len(identifiers)].to_numpy(float)
            size = np.abs(after - before)[bins].sum(axis=0)
            assert (np.abs(found - expected) <= 1e-3 * size + 1e-5).all()


def test_a_plan_of_widths_is_scored_in_parts(small_model, oracle_genome, tmp_path):
    bases = "".join(oracle_genome.read_text().split(">inside")[1].split("\n")[1:]).split(">")[0]
    rows = [
        ("inside", p, bases[p - 1], "ACGT".replace(bases[p - 1], "")[0])
        for p in range(20_000, 20_060, 10)
    ]
    vcf = write_vcf(tmp_path / "in.vcf", rows)
    options = ScoreOptions(around="0,window")
    score_vcf(
        vcf, oracle_genome, tmp_path / "whole.parquet", model=small_model, options=options
    )
    plan_shards(vcf, oracle_genome, tmp_path / "plan", shards=2)
    (tmp_path / "scores").mkdir()
    for name in ("0001.parquet", "0002.parquet"):
        score_shard(
            tmp_path / "plan" / name, oracle_genome, tmp_path / "scores" / name,
            model=small_model, options=options,
        )  # fmt: skip
    merge_shards(tmp_path / "plan", tmp_path / "scores", tmp_path / "merged.parquet")
    merged = read_scores(tmp_path / "merged.parquet", None)
    whole = read_scores(tmp_path / "whole.parquet", None)
    assert list(merged.columns) == list(whole.columns)
    near = np.abs(merged.iloc[:, 10:].to_numpy() - whole.iloc[:, 10:].to_numpy())
    assert near.max() <= 1e-5 * np.abs(whole.iloc[:, 10:].to_numpy()).max()
