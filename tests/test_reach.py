"""Interval arithmetic against what a network really does."""

from itertools import pairwise, product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from varscore.engines.incremental.kernels.minimal_filter import MOST_OUTPUTS
from varscore.engines.incremental.schedule import walks
from varscore.engines.incremental.schedule.costs import block_flops, head_flops
from varscore.engines.incremental.schedule.layout import layout_of
from varscore.engines.incremental.schedule.reach import FAR, Reach, Span
from varscore.engines.incremental.schedule.segments import choose_segments
from varscore.engines.incremental.schedule.stretches import Site, cut_stretches, next_stretch
from varscore.engines.incremental.schedule.walks import (
    GROUPED,
    choose_walks,
    levels_for,
    merge_spans,
    walk_flops,
)
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.variant import Variant
from varscore.windows import Windowing

FULL = Reach(BasenjiConfig())
SMALL = BasenjiConfig(
    window_length=768,
    n_tracks=2,
    stem_channels=3,
    stem_kernel_size=7,
    tower_channels=(3, 3),
    tower_kernel_size=3,
    num_blocks=3,
    block_channels=2,
    head_channels=3,
    crop_bins=8,
)


def test_published_model():
    # Worked by hand: base 65,535 reaches stem outputs 65,528-65,542, pooled 32,764-32,771,
    # then five bases wider and pooled six times: 16,381, 8,189, 4,093, 2,045, 1,021, 509.
    trunk = FULL.bins_reading(Span(65_535, 65_536))
    assert trunk == (509, 515)
    changed = FULL.changed(trunk)
    assert changed[-1] == (509 - 212, 515 + 212)
    assert FULL.needed(changed[-1])[0] == (85, 939)
    # 7 bases of the stem, 2 * 2 of the first tower layer, ... 2 * 64 of the last: 259
    assert FULL.bases_read(Span(0, 1)) == (-259, 128 + 259)
    assert FULL.clean == (3, 1021)


def test_open_ends_stay_open():
    assert FULL.bins_reading(Span(65_535, FAR)) == (509, FAR)
    assert FULL.bins_reading(Span(-FAR, 65_536)) == (-FAR, 515)
    assert Span(-FAR, FAR).widen(7) == (-FAR, FAR)


def test_published_flops(monkeypatch):
    grouped = walk_flops(FULL, levels_for(FULL, range(128), Span(0, 1024)))
    monkeypatch.setattr(walks, "GROUPED", 1)  # the layers' own arithmetic
    # ../design of this engine: trunk 189.9, blocks 26.6, head 2.1, projection 14.6 GFLOP
    single = levels_for(FULL, [0], Span(0, 1024))
    assert walk_flops(FULL, single) == pytest.approx(189.9e9, rel=0.005)
    every = levels_for(FULL, range(128), Span(0, 1024))
    assert walk_flops(FULL, every) == pytest.approx(2026e9, rel=0.005)
    assert 1 < grouped / walk_flops(FULL, every) < 1.003
    widths = (1024,) * 11
    assert block_flops(FULL, widths, widths) == pytest.approx(26.6e9, rel=0.005)
    assert head_flops(FULL, 896, 5313) == pytest.approx((2.1 + 14.6) * 1e9, rel=0.005)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Basenji2(SMALL).double().eval().requires_grad_(False)


def layers(network, dna):
    """Return the trunk's output and that of each block after it."""
    x = network.stem(dna)
    for layer in network.tower:
        x = layer(x)
    outputs = [x]
    for block in network.blocks:
        outputs.append(block(outputs[-1]))
    return outputs


@pytest.mark.parametrize("base", [0, 3, 300, 383, 384, 385, 386, 391, 767])
def test_bins_that_a_base_changes(network, base):
    """Over some backgrounds the bins that differ add up to the interval, never to more."""
    reach = Reach(SMALL)
    expected = reach.changed(reach.bins_reading(Span(base, base + 1)))
    window = Span(0, SMALL.window_bins)
    letters = torch.randint(
        4, (40, SMALL.window_length), generator=torch.Generator().manual_seed(1)
    )
    other = letters.clone()
    other[:, base] = (letters[:, base] + 1) % 4
    encoded = F.one_hot(torch.cat([letters, other]), 4).transpose(1, 2).double()
    seen = []
    for output in layers(network, encoded):
        ref, alt = output.chunk(2)
        seen.append(set((ref != alt).any(dim=1).any(dim=0).nonzero().flatten().tolist()))
    for bins, span in zip(seen, expected, strict=True):
        inside = span.meet(window)
        assert bins <= set(range(*inside))
        # A base at the rim of a receptive field seldom wins the pooling; the rest is reached.
        assert bins >= set(range(inside.start + 1, inside.end - 1))


def test_clean_bins_do_not_feel_the_ends(network):
    reach = Reach(SMALL)
    dna = one_hot(["ACGTTGCATCAG" * 64 * 3]).double()
    inner = dna[..., 768 : 2 * 768]
    wide, narrow = layers(network, dna)[0][..., 96:192], layers(network, inner)[0]
    same = (wide - narrow).abs().amax(dim=(0, 1)) < 1e-12
    assert all(same[slice(*reach.clean)])
    assert not same[0]
    assert reach.edge == 2  # 9 bases either side of bins of 8


def test_levels_of_one_phase_and_of_all():
    reach = Reach(SMALL)
    one = levels_for(reach, [5], Span(10, 20))
    assert [level.rows for level in one] == [(0,), (1,), (1,), (5,)]
    # Of row 5 of 8, bins 10 to 20 are pooled of 21 to 41 of row 1 of 4, in groups of four 20 to
    # 44, which read 19 to 45; pooled of 38 to 90 of row 1 of 2: 36 to 92, read 35 to 93; pooled
    # of 71 to 187: 68 to 188, which read three bases more at either end.
    assert one[0].span == (65, 191)
    every = levels_for(reach, range(8), Span(10, 20))
    assert [len(level.rows) for level in every] == [1, 2, 4, 8]
    # 20 to 41 at the first step, 38 to 91 at the second, 70 to 187 at the third
    assert every[0].span == (65, 191)


def test_a_row_is_computed_in_the_same_groups_whatever_else_is():
    reach = Reach(SMALL)
    assert GROUPED % MOST_OUTPUTS == 0
    for phases, bins in product([[5], [5, 2], range(8)], [(10, 20), (7, 12), (11, 12)]):
        levels = levels_for(reach, phases, Span(*bins))
        assert levels[-1].span == bins
        for level, kernel in zip(levels, reach.kernels, strict=False):
            computed = level.span.widen(-(kernel // 2))
            assert computed.start % GROUPED == computed.end % GROUPED == 0


def test_walks_are_shared_where_that_is_cheaper():
    reach = Reach(BasenjiConfig(num_blocks=2))
    together = choose_walks(reach, {0: [Span(0, 64)], 64: [Span(0, 64)]}, {}, 128)
    assert [walk.phases for walk in together] == [(0, 64)]
    # Far ends of a cell: what lies between is not worth two walks.
    apart = choose_walks(reach, {0: [Span(0, 8)], 1: [Span(120, 128)]}, {}, 128)
    assert [(walk.phases, walk.bins) for walk in apart] == [((0,), (0, 8)), ((1,), (120, 128))]


def test_pinned_spans_are_not_split():
    walks = choose_walks(FULL, {3: [Span(0, 256)]}, {3: [Span(126, 131)], 9: [Span(5, 9)]}, 128)
    assert any(3 in walk.phases and walk.bins.covers(Span(126, 131)) for walk in walks)
    assert any(9 in walk.phases and walk.bins.covers(Span(5, 9)) for walk in walks)


spans = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(1, 60)).map(
        lambda s: Span(s[0], s[0] + s[1])
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=50)
@given(spans)
def test_merged_spans_have_the_same_positions(found):
    merged = merge_spans(found)
    assert {i for span in merged for i in range(*span)} == {i for s in found for i in range(*s)}
    assert all(a.end < b.start for a, b in pairwise(merged))


@settings(max_examples=50)
@given(spans)
def test_walks_cover_what_is_needed(found):
    reach = Reach(SMALL)
    needs = {phase: merge_spans(found[phase::2]) for phase in (0, 3)}
    walks = choose_walks(reach, needs, {}, 32)
    for phase, wanted in needs.items():
        computed = {i for w in walks if phase in w.phases for i in range(*w.bins)}
        assert computed >= {i for span in wanted for i in range(*span)}


@settings(max_examples=50)
@given(spans)
def test_each_reported_span_lies_in_a_segment(found):
    segments = choose_segments(Reach(SMALL), found, 2)
    assert segments == sorted(segments)
    predicted = set()
    for bins, wanted in segments:
        assert list(wanted) == merge_spans(wanted)
        assert all(bins.covers(piece) for piece in wanted)
        predicted |= {i for piece in wanted for i in range(*piece)}
    # Each lies in a piece of one segment, and nothing is predicted that none asks for.
    for span in found:
        assert any(piece.covers(span) for _, wanted in segments for piece in wanted)
    assert predicted == {i for span in found for i in range(*span)}


def test_segments_join_where_that_is_cheaper():
    # Three dilated blocks reach 6 bins to either side: spans that near share the halo.
    near = [Span(0, 40), Span(41, 80)]
    assert choose_segments(Reach(SMALL), near, 2) == [((0, 80), tuple(near))]
    assert choose_segments(Reach(SMALL), [*near, Span(30, 50)], 2) == [((0, 80), ((0, 80),))]
    assert len(choose_segments(Reach(SMALL), [Span(0, 40), Span(200, 240)], 2)) == 2


def sites_at(*places):
    """Sites of SNVs of the published model, at (contig, 0-based start)."""
    windowing = Windowing(131_072, 128)
    found = []
    for row, (contig, start) in enumerate(places):
        variant = Variant(contig, start + 1, "A", "C")
        layout = layout_of(BasenjiConfig(), windowing, variant, whole_window=False)
        found.append(Site(row, variant, layout, (windowing.start(variant),)))
    return found


def test_stretches_of_a_contig_are_even():
    # 100 variants of one phase, a bin apart. The first takes 1,024 trunk bins, each other one
    # more, and each 2 * (3 + 1) for what it changes: there is room for 66.
    sites = sites_at(*(("chr1", 500_000 + 128 * i) for i in range(100)), ("chr2", 500_000))
    room = 1024 + 65 + 66 * 8
    assert [len(s) for s in cut_stretches(sites, room, 1, 0)] == [66, 34, 1]
    assert len(next_stretch(sites, room, 1, 0)) == 50
    assert len(next_stretch(sites[50:], room, 1, 0)) == 50  # chr2 is not counted
    assert len(next_stretch(sites[100:], room, 1, 0)) == 1
    assert len(next_stretch(sites, 0, 1, 0)) == 1


def test_variants_that_lie_close_take_the_bins_that_they_cover():
    # 8 to a bin, of 16 phases: 128 bins beside the first window, at each phase.
    sites = sites_at(*(("chr1", 500_000 + 16 * i) for i in range(1024)))
    room = 8 * (1024 + 128) + 1024 * 8
    assert [len(s) for s in cut_stretches(sites, room, 1, 0)] == [1024]
    assert [len(s) for s in cut_stretches(sites, room + 1024 + 128, 1, 1)] == [1024]


def test_variants_that_stand_alone_share_a_stretch():
    # Each takes a window of 1,024 bins at its own phase, and 8 for its difference.
    sites = sites_at(*(("chr1", 1_000_001 * i) for i in range(1, 9)))
    assert [len(s) for s in cut_stretches(sites, 4 * 1032, 1, 0)] == [4, 4]
    # A segment spans one window, however far apart they lie.
    assert [len(s) for s in cut_stretches(sites, 4 * 1032 + 1024, 1, 1)] == [4, 4]
