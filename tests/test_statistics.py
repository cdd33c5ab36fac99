"""Every statistic on cases worked by hand.

One variant, one track, four bins:

    reference  r = 1 3 0 7      sum 11
    alternate  a = 3 1 1 7      sum 12
    a - r        = 2 -2 1 0

    log2(r+1)    = 1 2 0 3      sum 6
    log2(a+1)    = 2 1 1 3      sum 7      difference 1 -1 1 0
"""

import math
from typing import get_args

import pytest
import torch

from varscore.errors import OptionError
from varscore.options import StatisticName
from varscore.results.terms import TERMS, term_of
from varscore.statistics import STATISTICS, CoverageChange, get_statistics

REF = [1.0, 3.0, 0.0, 7.0]
ALT = [3.0, 1.0, 1.0, 7.0]
R3 = math.sqrt(3)

# sqrt(r) = 1 R3 0 R7, sqrt(a) = R3 1 1 R7, difference R3-1, 1-R3, 1, 0
# The 25th percentile of r = 0 1 3 7 is three quarters of the way from 0 to 1: 0.75.
JS_R = [1.75 / 14, 3.75 / 14, 0.75 / 14, 7.75 / 14]
JS_A = [3.75 / 15, 1.75 / 15, 1.75 / 15, 7.75 / 15]
# Of log2(r+1) = 0 1 2 3 it is 0.75 as well.
LOG_JS_R = [1.75 / 9, 2.75 / 9, 0.75 / 9, 3.75 / 9]
LOG_JS_A = [2.75 / 10, 1.75 / 10, 1.75 / 10, 3.75 / 10]


def kl(p, q):
    return sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))


BY_HAND = {
    "SAD": 1.0,  # 2 - 2 + 1 + 0
    "logSAD": 1.0,  # 7 - 6
    "sqrtSAD": 1.0,  # (R3-1) + (1-R3) + 1
    "SAX": 2.0,  # 2 and -2 tie: the first bin
    "D1": 5.0,  # 2 + 2 + 1
    "logD1": 3.0,  # 1 + 1 + 1
    "sqrtD1": 2 * R3 - 1,  # (R3-1) + (R3-1) + 1
    "D2": 3.0,  # sqrt(4 + 4 + 1)
    "logD2": R3,  # sqrt(1 + 1 + 1)
    "sqrtD2": math.sqrt(2 * (R3 - 1) ** 2 + 1),
    "logSED": math.log2(13) - math.log2(12),
    "JS": (kl(JS_R, JS_A) + kl(JS_A, JS_R)) / 2,
    "logJS": (kl(LOG_JS_R, LOG_JS_A) + kl(LOG_JS_A, LOG_JS_R)) / 2,
    "REF": 11.0,
    "ALT": 12.0,
}
SIGNED = ["SAD", "logSAD", "sqrtSAD", "logSED"]
NORMS = ["D1", "logD1", "sqrtD1", "D2", "logD2", "sqrtD2"]


def score(name, ref, alt):
    ref, alt = (torch.tensor(x, dtype=torch.float64)[None, :, None] for x in (ref, alt))
    return STATISTICS[name].function(CoverageChange.between(ref, alt)).item()


def test_every_statistic_is_worked_by_hand():
    assert BY_HAND.keys() == STATISTICS.keys()


@pytest.mark.parametrize("name", STATISTICS)
def test_by_hand(name):
    assert score(name, REF, ALT) == pytest.approx(BY_HAND[name], rel=1e-12)


@pytest.mark.parametrize("name", SIGNED)
def test_swapping_negates_signed_statistics(name):
    assert score(name, ALT, REF) == pytest.approx(-BY_HAND[name], rel=1e-12)


@pytest.mark.parametrize("name", NORMS)
def test_swapping_leaves_norms(name):
    assert score(name, ALT, REF) == pytest.approx(BY_HAND[name], rel=1e-12)


def test_swapping_negates_sax_where_no_bins_tie():
    assert score("SAX", [1.0, 5.0, 2.0], [2.0, 2.0, 2.0]) == -3.0
    assert score("SAX", [2.0, 2.0, 2.0], [1.0, 5.0, 2.0]) == 3.0


def test_rounding_does_not_choose_the_sign_of_sax():
    """A base moves from one bin to another: both change alike, but for the last digits."""
    less, more = 5 - 1e-9, 5 + 1e-9
    assert score("SAX", [9.0, 9.0], [9 + less, 9 - more]) == pytest.approx(5)
    assert score("SAX", [9.0, 9.0], [9 + more, 9 - less]) == pytest.approx(5)
    assert score("SAX", [9.0, 9.0], [9 + 4.999, 9 - 5]) == -5
    assert math.isnan(score("SAX", [9.0, 9.0, 9.0], [1.0, math.nan, 3.0]))


@pytest.mark.parametrize("name", [name for name in STATISTICS if name not in ("REF", "ALT")])
def test_no_change_scores_zero(name):
    assert score(name, REF, REF) == 0.0


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize(
    ("ref", "alt"),
    [([0.0] * 4, [0.0] * 4), ([0.0] * 4, [1.0, 0.0, 0.0, 0.0]), ([1e30] * 4, REF)],
)
def test_extreme_coverage_yields_numbers(name, ref, alt):
    assert math.isfinite(score(name, ref, alt))


@pytest.mark.parametrize("name", [n for n, s in STATISTICS.items() if not s.needs_whole_window])
def test_bins_without_change_may_be_left_out(name):
    changed = [0, 1, 2]
    left_out = score(name, [REF[i] for i in changed], [ALT[i] for i in changed])
    assert left_out == pytest.approx(BY_HAND[name], rel=1e-12)


@pytest.mark.parametrize("name", [n for n, s in STATISTICS.items() if s.needs_whole_window])
def test_whole_window_statistics_do_need_it(name):
    assert score(name, REF[:3], ALT[:3]) != pytest.approx(BY_HAND[name])


@pytest.mark.parametrize("name", ["logSAD", "sqrtSAD", "logD2", "sqrtD1"])
def test_a_tiny_change_keeps_its_digits_in_float32(name):
    """The float64 result for r = 3, a = 3 + 1e-9 is lost if a is rounded to float32 first."""
    ref, diff = torch.tensor([[[3.0]]]), torch.tensor([[[1e-9]]])
    slope = {"logSAD": 1 / (4 * math.log(2)), "sqrtSAD": 1 / (2 * R3)}
    slope |= {"logD2": slope["logSAD"], "sqrtD1": slope["sqrtSAD"]}
    change = CoverageChange(ref, diff)
    assert STATISTICS[name].function(change).item() == pytest.approx(
        1e-9 * slope[name], rel=1e-6
    )


def test_batches_and_tracks_do_not_mix():
    torch.manual_seed(0)
    ref, alt = (
        torch.rand(3, 11, 4, dtype=torch.float64),
        torch.rand(3, 11, 4, dtype=torch.float64),
    )
    for name, statistic in STATISTICS.items():
        together = statistic.function(CoverageChange.between(ref, alt))
        assert together.shape == (3, 4)
        for b in range(3):
            for t in range(4):
                alone = score(name, ref[b, :, t].tolist(), alt[b, :, t].tolist())
                assert together[b, t].item() == pytest.approx(alone, rel=1e-12)


def three_variants():
    """Return (3, 4, 2) reference and alternate: all 48 numbers differ."""
    numbers = torch.arange(48, dtype=torch.float64)
    return numbers[::2].reshape(3, 4, 2), (numbers[1::2] ** 2).reshape(3, 4, 2)


def assert_is(change, ref, alt):
    assert torch.equal(change.ref, ref)
    assert torch.equal(change.alt, alt)
    assert torch.equal(change.diff, alt - ref)


@pytest.mark.parametrize("given", ["tensors", "functions", "difference"])
def test_a_part_of_a_change_is_the_change_of_the_part(given):
    ref, alt = three_variants()
    change = {
        "tensors": CoverageChange(ref, alt - ref, alt),
        "functions": CoverageChange(lambda: ref, alt - ref, lambda: alt),
        "difference": CoverageChange.between(ref, alt),
    }[given]
    assert_is(change, ref, alt)
    for bins in ([(0, 1), (2, 4)], [(1, 3)], [(0, 2)], [(0, 3)], [(0, 4)]):
        numbers = [number for bins_ in bins for number in range(*bins_)]
        assert_is(change.within(bins), ref[:, numbers], alt[:, numbers])
    for variant in range(3):
        assert_is(change.of(variant), ref[[variant]], alt[[variant]])
    chosen = change.exchanged([True, False, True])
    assert_is(chosen, *(torch.stack([a[0], b[1], a[2]]) for a, b in ((alt, ref), (ref, alt))))
    # Nothing to do is no copy of what is large.
    assert change.within([(0, 4)]) is change
    assert change.exchanged([False, False, False]) is change


def test_coverage_is_not_computed_where_the_difference_tells():
    def unread():
        raise AssertionError

    _, diff = three_variants()
    change = CoverageChange(unread, diff, unread).of(1).within([(0, 2)]).exchanged([True])
    for name, expected in (("SAD", -diff[1, :2].sum(dim=0)), ("SAX", -diff[1, 1])):
        assert torch.equal(STATISTICS[name].function(change)[0], expected)


def test_sums_keep_small_coverage_beside_large():
    """In float32 a number above 2^25 has no ones, and above 2^24 no quarters."""
    bins = [2.0**22] * 8 + [0.125] * 8 + [2.0**24, 1.0, 0.25]
    ref = torch.tensor(bins, dtype=torch.float32)[None, :, None]
    change = CoverageChange.between(ref, torch.zeros_like(ref))
    expected = 2**25 + 1 + 2**24 + 1.25
    assert STATISTICS["REF"].function(change).item() == expected
    assert STATISTICS["SAD"].function(change).item() == -expected


def test_alternate_coverage_is_what_was_given():
    """1e8 and a difference of float32 leave nothing of 0.5."""
    ref, diff, alt = (torch.tensor([[[x]]]) for x in (1e8, -1e8 + 0.5, 0.5))
    change = CoverageChange(ref, diff, alt)
    assert STATISTICS["ALT"].function(change).item() == 0.5
    assert STATISTICS["REF"].function(change.exchanged([True])).item() == 0.5


def test_a_difference_that_rounding_takes_below_no_coverage():
    """A float32 of 1e8 may be 8 too large: all of the coverage is gone, and no more."""
    change = CoverageChange(torch.tensor([[[1e8]]]), torch.tensor([[[-1e8 - 8]]]))
    for name, expected in (("logSAD", -math.log2(1e8 + 1)), ("sqrtSAD", -1e4)):
        assert STATISTICS[name].function(change).item() == pytest.approx(expected, rel=1e-6)


def test_the_percentile_of_other_numbers_of_bins():
    """Of seven bins halfway from the second to the third, of two a quarter of the way."""
    ref, alt = [8.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0], [7.0, 6.0, 5.0, 4.0, 2.0, 1.0, 8.0]
    r, a = ([(x + 3) / (sum(profile) + 21) for x in profile] for profile in (ref, alt))
    assert score("JS", ref, alt) == pytest.approx((kl(r, a) + kl(a, r)) / 2, rel=1e-12)
    r, a = [3 / 10, 7 / 10], [5 / 7, 2 / 7]  # 1 5 and 3 0, and 2 more in each bin
    assert score("JS", [1.0, 5.0], [3.0, 0.0]) == pytest.approx((kl(r, a) + kl(a, r)) / 2)
    assert score("JS", [3.0], [5.0]) == 0.0


@pytest.mark.parametrize("name", STATISTICS)
def test_scores_of_float32_are_float64(name):
    ref, alt = (torch.tensor(x)[None, :, None] for x in (REF, ALT))
    found = STATISTICS[name].function(CoverageChange.between(ref, alt))
    assert found.dtype == torch.float64
    # Divergences are small differences of profiles: float32 would leave them few digits.
    digits = 1e-12 if name == "JS" else 1e-6
    assert found.item() == pytest.approx(BY_HAND[name], rel=digits)


def test_get_statistics_keeps_order_and_drops_repeats():
    assert [s.name for s in get_statistics(["D2", "SAD", "D2"])] == ["D2", "SAD"]


@pytest.mark.parametrize("names", [["SAD", "sad"], []])
def test_get_statistics_refuses(names):
    with pytest.raises(OptionError, match=r"(none of|choose from) SAD, logSAD"):
        get_statistics(names)


def test_names_are_those_that_options_allow():
    assert tuple(STATISTICS) == get_args(StatisticName)


def test_every_statistic_is_said_in_words():
    assert set(TERMS) == set(STATISTICS)
    assert term_of("logSAD_250") is TERMS["logSAD"]
