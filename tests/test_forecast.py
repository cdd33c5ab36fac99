"""What a run will take: against real runs, and on a clock that only a made-up engine moves."""

import json
import random

import numpy as np
import pytest
from writers import write_fasta, write_vcf

import varscore.support.forecast as module
from varscore import score_vcf
from varscore.options import ScoreOptions
from varscore.scoring import Scorer
from varscore.support.forecast import Forecast, _covered, forecast
from varscore.variant import Variant
from varscore.windows import Windowing

BASES = "".join(random.Random(31).choices("ACGT", k=60_000))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("forecast") / "genome.fa", {"chr1": BASES})


def substitutions(path, places):
    """Write a VCF of a substitution at each position; every fifth row is not scored."""
    rows = []
    for number, pos in enumerate(places):
        ref = BASES[pos - 1]
        rows.append(
            ("chr1", pos, ref, "<DEL>" if number % 5 == 4 else "GATC"["ACGT".index(ref)])
        )
    return write_vcf(path, rows)


@pytest.mark.slow
@pytest.mark.parametrize("most", [4096, 200])
@pytest.mark.parametrize("statistics", [("SAD",), ("SAD", "D1", "SAX", "logD2")])
def test_the_size_is_that_of_the_real_result(
    most, statistics, genome, small_model, tmp_path, monkeypatch
):
    """Written whole, or told from a part of it."""
    monkeypatch.setattr(module, "_MOST_ROWS", most)
    vcf = substitutions(tmp_path / "in.vcf", range(20_000, 29_000, 40))
    options = ScoreOptions(statistics=statistics)
    told = forecast(vcf, genome, small_model, options)
    made = score_vcf(vcf, genome, tmp_path / "o", model=small_model, options=options)
    assert told.alleles == made.statuses["scored"]
    size = (tmp_path / "o").stat().st_size
    assert abs(told.result_bytes - size) < 0.1 * size
    assert told.shards == 1
    assert told.seconds > told.core_hours * 3600 / told.threads > 0


def test_windows_that_share_a_phase_share_the_reference():
    """By hand: 100, 228 and 1000 are of one phase of 128 bases but for the last."""
    windowing = Windowing(length=4096, bin_width=128)
    variants = {Variant("a", pos, "A", "C") for pos in (100, 228, 1000)}
    assert _covered(variants, windowing) == 4096 + 128 + 4096
    assert _covered({*variants, Variant("b", 100, "A", "C")}, windowing) == 3 * 4096 + 128
    far = {Variant("a", 100, "A", "C"), Variant("a", 100 + 128 * 1000, "A", "C")}
    assert _covered(far, windowing) == 2 * 4096
    # All windows start at multiples of a bin: the first two bins after the other.
    binned = Windowing(length=4096, bin_width=128, kind="binned")
    assert _covered(variants, binned) == 4096 + (15 - 8) * 128  # from -15 and -8 bins on


class _Costly:
    """An engine whose costs are known: once, a piece, a base and an allele."""

    def __init__(self, engine, clock, windowing, costs):
        self._engine, self._clock, self._windowing = engine, clock, windowing
        self._once, self._piece, self._base, self._allele = costs

    def describe(self):
        return self._engine.describe()

    def score(self, variants, on_scored=None):
        self._clock[0] += self._once + self._piece + self._allele * len(variants)
        self._clock[0] += self._base * _covered(variants, self._windowing)
        self._once = 0.0
        return np.random.default_rng(3).normal(size=(len(variants), 1, 12)).astype(np.float32)


@pytest.mark.parametrize(
    "costs",
    [
        (5.0, 0.5, 1e-4, 0.01),
        (0.0, 0.0, 1e-3, 0.0),
        (1.0, 0.0, 0.0, 0.2),
        (0.0, 2.0, 1e-6, 1e-3),
    ],
)
def test_the_time_is_the_sum_of_its_parts(costs, genome, small_model, tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    length = small_model.config.window_length
    windowing = Windowing(length=length, bin_width=small_model.config.bin_width)
    real = Scorer.__init__

    def costly(self, *arguments):
        real(self, *arguments)
        self.engine, self.chunk = _Costly(self.engine, clock, windowing, costs), 1000

    monkeypatch.setattr(Scorer, "__init__", costly)
    places = sorted(random.Random(8).sample(range(10_000, 50_000), 3000))
    vcf = substitutions(tmp_path / "in.vcf", places)
    told = forecast(vcf, genome, small_model, ScoreOptions(), startup=7.0)
    once, piece, base, allele = costs
    expected = once
    for start in range(0, 3000, 1000):
        scored = [p for i, p in enumerate(places[start : start + 1000]) if i % 5 != 4]
        variants = [Variant("chr1", pos, "A", "C") for pos in scored]
        expected += piece + allele * len(variants) + base * _covered(variants, windowing)
    assert told.alleles == 2400
    assert told.seconds - 7.0 == pytest.approx(expected, rel=0.02)
    assert told.core_hours * 3600 == pytest.approx(expected * told.threads, rel=0.02)


def test_it_is_said_in_units_that_fit():
    facts = {"model": "m", "processor": "p", "threads": 1, "alleles": 88_000_000}
    small = Forecast(
        **facts, seconds=90, core_hours=0.02, memory_gib=2.5, result_bytes=2000, shards=1
    )
    assert "90 s on this machine, 0.02 core-hours" in str(small)
    assert "1.95 KiB" in str(small)
    assert "1 job of up to about an hour" in str(small)
    large = Forecast(
        **facts, seconds=9e6, core_hours=5000, memory_gib=2.5, result_bytes=2**41, shards=5000
    )
    assert "2.5e+03 h" not in str(large)
    assert "2500.0 h on this machine, 5e+03 core-hours" in str(large)
    assert "2 TiB" in str(large)
    assert "5,000 jobs (shards)" in str(large)


@pytest.mark.slow
def test_check_tells_it_with_a_model(varscore, genome, tmp_path, monkeypatch):
    vcf = substitutions(tmp_path / "in.vcf", range(20_000, 20_500, 50))
    weights = __file__.replace("test_forecast.py", "data/weights_keras/model.h5")
    words = ["check", vcf, "--genome", genome, "--model", weights, "--device", "cpu"]
    code, out, _ = varscore(*words)
    assert code == 0
    assert "\n  alleles to score  8\n" in out
    code, out, _ = varscore(*words, "--json")
    assert json.loads(out)["forecast"]["alleles"] == 8
    for more in (["--no-forecast"], ["--engine", "two-pass", "--no-forecast"]):
        code, out, _ = varscore(*words, "--json", *more)
        assert (code, "forecast" in json.loads(out)) == (0, False)
    empty = write_vcf(tmp_path / "empty.vcf", [("chr1", 5, "A", "<DEL>")])
    code, out, _ = varscore(words[0], empty, *words[2:], "--json")
    assert (code, json.loads(out)["forecast"]["alleles"]) == (0, 0)
