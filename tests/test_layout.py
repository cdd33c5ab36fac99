"""Layouts of a tiny architecture, worked by hand.

Two convolutions of three bases, each pooled by two: a bin has 4 bases. Two residual blocks
look 1 and 2 bins to either side. A window has 96 bases, so 24 bins, of which the outer two are
cropped: bins 2-22 are predicted. The variant's first base is window base 96 / 2 - 1 = 47, in
bin 11; an indel's seam, the first bin that is read with the right flank in register, is 12.

An interval of bases is carried to bins by four steps: one base wider at either end, halved
(outwards), one wider, halved; it is then 1 and 2 bins wider after the two blocks. Backwards,
what some bins need is 2 and then 1 bins wider.
"""

import pytest

from varscore.engines.incremental.schedule.layout import Alternate, Layout, layout_of
from varscore.engines.incremental.schedule.reach import Reach
from varscore.models.config import BasenjiConfig
from varscore.variant import Variant
from varscore.windows import Windowing

TINY = BasenjiConfig(
    window_length=96, n_tracks=1, stem_channels=2, stem_kernel_size=3, tower_channels=(2,),
    tower_kernel_size=3, num_blocks=2, block_channels=2, dilation_rate=2.0, crop_bins=2,
    head_channels=2,
)  # fmt: skip
START = 100  # 0-based, of every variant here


def layout(ref: str, alt: str, *, whole_window: bool = False, **options: object) -> Layout:
    windowing = Windowing(96, 4, **options)  # type: ignore[arg-type]
    return layout_of(
        TINY, windowing, Variant("c", START + 1, ref, alt), whole_window=whole_window
    )


def only_alternates(found: Layout) -> tuple[Alternate, ...]:
    (member,) = found.members
    return member.alternates


def test_the_architecture_is_the_one_described() -> None:
    reach = Reach(TINY)
    assert (TINY.bin_width, TINY.window_bins, TINY.dilations) == (4, 24, (1, 2))
    assert reach.predicted == (2, 22)
    # Bin 0 reads bases 0-2 of the tower's input, one wider, so -2 to 6 of the stem's, one
    # wider: from -3 on, which is in bin -1. One bin at each end feels the padding.
    assert reach.clean == (1, 23)


def test_substitution() -> None:
    found = layout("A", "C")
    (alternate,) = only_alternates(found)
    # Base 47: 46-49, 23-25, 22-26, 11-13. Then 10-14, then 8-16.
    assert alternate.active == ((11, 13), (10, 14), (8, 16))
    assert (alternate.register, alternate.out, alternate.alt_start) == ("both", (8, 16), 47)
    assert alternate.crossing == (11, 13)
    assert (alternate.moved.width, alternate.moved_offset) == (0, 0)
    assert (found.union, found.own, found.refusal) == ((8, 16), False, None)
    # The reference of 8-16: 2 bins more, then 1.
    assert found.trunk_needed(found.members[0]) == (5, 19)


def test_substitution_of_three_bases() -> None:
    # Bases 47-50: 46-51, 23-26, 22-27, 11-14.
    (alternate,) = only_alternates(layout("ACG", "CGT"))
    assert alternate.active == ((11, 14), (10, 15), (8, 17))


def test_insertion() -> None:
    """A>ACGTA: alternate bases 47-52 in the left register, 43-48 in the right one."""
    found = layout("A", "ACGTA")
    left, right = only_alternates(found)
    # All from base 47 on: 46, 23, 22, 11. Then 10, then 8; read before the seam: 8-12. These
    # need 6-14 before the second block and 5-15 before the first.
    assert left.active == ((11, 15), (10, 14), (8, 12))
    # Bins that read some base before 52: up to 53, 27, 28, 14. The bin after reads only what
    # lies right of the allele: alternate base y is reference base y - 4.
    assert (left.crossing, left.moved) == ((11, 14), (14, 15))
    assert (left.alt_start, left.left_offset, left.right_offset) == (47, 0, -4)
    # All before base 48: 49, 25, 26, 13. Then 14, then 16; read from the seam on: 12-16.
    # These need 10-18 and 9-19.
    assert right.active == ((9, 13), (10, 14), (12, 16))
    # Bins that read some base from 43 on: 42, 21, 20, 10. The one before reads only what lies
    # left of the allele: alternate base y is reference base y + 4.
    assert (right.crossing, right.moved) == ((10, 13), (9, 10))
    assert (right.alt_start, right.left_offset, right.right_offset) == (43, 4, 0)
    assert (left.moved_offset, right.moved_offset) == (-4, 4)
    assert (found.union, found.own) == ((8, 16), False)


def test_deletion() -> None:
    """ACG>A: reference bases 47-50; the alternate's one base is 47, or 49."""
    found = layout("ACG", "A")
    left, right = only_alternates(found)
    # As for the insertion: where the left register differs begins at base 47.
    assert left.active == ((11, 15), (10, 14), (8, 12))
    # Before base 48: 49, 25, 26, 13.
    assert (left.crossing, left.moved) == ((11, 13), (13, 15))
    assert (left.alt_start, left.left_offset, left.right_offset) == (47, 0, 2)
    # All before base 50: 51, 26, 27, 14. Then 15, then 17; 12-17 need 10-19 and 9-20.
    assert right.active == ((9, 14), (10, 15), (12, 17))
    # From base 49 on: 48, 24, 23, 11.
    assert (right.crossing, right.moved) == ((11, 14), (9, 11))
    assert (right.alt_start, right.left_offset, right.right_offset) == (49, -2, 0)
    assert (found.union, found.own) == ((8, 17), False)


def test_reverse_strand() -> None:
    """On the other strand the deleted bases are 96 - 50 = 46 to 49, the seam is 24 - 12."""
    found = layout("ACG", "A", reverse_complement=True)
    forward, reverse = found.members
    assert (forward.reverse, reverse.reverse) == (False, True)
    left, right = reverse.alternates
    # All from base 46 on: 45, 22, 21, 10. Then 9, then 7; 7-12 need 5-14 and 4-15.
    assert left.active == ((10, 15), (9, 14), (7, 12))
    # All before base 49: 50, 25, 26, 13. Then 14, then 16; 12-16 need 10-18 and 9-19.
    assert right.active == ((9, 13), (10, 14), (12, 16))
    # Seen from the forward strand they are the forward ones: 24 - 16 to 24 - 7.
    assert found.union == (8, 17)
    assert found.reported(reverse) == (7, 16)


def test_shift() -> None:
    """A window that starts 3 bases further left holds the variant at base 50."""
    found = layout("A", "C", shifts=(0, 3))
    _, shifted = found.members
    # 49-52, 24-26, 23-27, 11-14.
    assert shifted.shift == 3
    assert shifted.alternates[0].active == ((11, 14), (10, 15), (8, 17))
    assert found.union == (8, 17)  # and 8-16 of the other window


def test_a_shift_moves_the_seam_with_the_variant() -> None:
    # At base 47 + 1 = 48, in bin 12: the seam is 13.
    left, right = only_alternates(layout("A", "ACGTA", shifts=(1,)))
    assert (left.out.end, right.out.start) == (13, 13)


def test_binned_windows_have_one_layout_for_all_places_in_a_bin() -> None:
    """The window starts at 100 - 47 = 53, rounded up to 56: the variant is at base 44."""
    found = layout("A", "C", kind="binned")
    # The whole bin 44-48 is taken as changed: 43-49, 21-25, 20-26, 10-13.
    (alternate,) = only_alternates(found)
    assert alternate.active == ((10, 13), (9, 14), (7, 16))
    assert alternate.alt_start == 44
    windowing = Windowing(96, 4, kind="binned")
    for further in (1, 2, 3):
        other = layout_of(
            TINY, windowing, Variant("c", START + 1 + further, "A", "C"), whole_window=False
        )
        assert other.shape == found.shape
    beyond = layout_of(TINY, windowing, Variant("c", START + 5, "A", "C"), whole_window=False)
    assert beyond.shape == found.shape  # the next bin's window starts 4 bases further right


def test_a_statistic_of_the_whole_window_needs_every_predicted_bin() -> None:
    found = layout("A", "C", whole_window=True)
    assert (found.union, found.own) == ((2, 22), True)
    assert found.trunk_needed(found.members[0]) == (1, 23)
    assert only_alternates(found)[0].active == ((11, 13), (10, 14), (8, 16))


def test_what_reaches_bins_that_feel_the_padding_has_a_reference_of_its_own() -> None:
    # 24 bases: 47-71, 46-72, 23-36, 22-37, 11-19. Then 10-20, then 8-22. Their reference needs
    # 6-24 and then 5-25: beyond bin 23.
    found = layout("A" * 24, "C" * 24)
    assert found.union == (8, 22)
    assert (found.own, found.refusal) == (True, None)


@pytest.mark.parametrize(("length", "refused"), [(42, False), (43, True)])
def test_what_changes_bins_that_feel_the_padding_is_refused(length: int, refused: bool) -> None:
    # 42 bases end at 89: 90, 45, 46, 23, the last clean bin's end. 90: 91, 46, 47, 24.
    found = layout("A" * length, "C" * length)
    assert (found.refusal is not None) is refused
