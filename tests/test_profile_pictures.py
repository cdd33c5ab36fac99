"""Figures of profiles: every word can be read, and the variant is where it should be."""

import dataclasses
import functools
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from varscore.errors import OptionError
from varscore.models.tracks import TrackTable
from varscore.pictures.genes import MOST_ROWS, GeneShape, place_genes
from varscore.pictures.profile import draw_profile, profile_picture
from varscore.pictures.style import styled
from varscore.results.names import safe_names
from varscore.results.profile import Profile

BIN = 128
LONG = (
    "DNASE:fibroblast of lung, female child, treated with 1 uM dexamethasone for 12 hours " * 2
)
DELETED = "ACGTTGCAAGGCTTAACCGGTATTCGCATGC"


def made(tracks=1, pos=1_205_000, ref="A", alt="G", bins=896, length=248_956_422, scale=1.0):
    """A profile of made-up numbers, the variant in bin 448."""
    random = np.random.default_rng(1)
    starts = pos - 1 - BIN * (bins // 2) + BIN * np.arange(bins)
    reference = random.gamma(0.3, 20, (bins, tracks)).astype(np.float32) * scale
    alternate = reference.copy()
    alternate[bins // 2 - 3 : bins // 2 + 3] *= 1.5
    names = [f"ENCFF{number:03}ABC" for number in range(tracks)]
    return Profile(
        contig="chr1",
        start=pos - 1,
        end=pos - 1 + len(ref),
        ref=ref,
        alt=alt,
        id="rs1234567",
        contig_length=length,
        track_table=TrackTable.from_names(names, [LONG] * tracks),
        starts=starts,
        ends=starts + BIN,
        reference=reference,
        alternate=alternate,
        made={"model": {"name": "demo", "teaching": True}},
    )


GENES = [
    GeneShape(
        f"LINC{number:05}", "+-."[number % 3], start, start + 4000, [(start, start + 300)]
    )
    for number, start in enumerate(range(1_100_000, 1_300_000, 7_000))
]
CASES = {
    "1 track": (made(), ()),
    "3 tracks": (made(3), GENES[:9]),
    "12 tracks": (made(12), GENES),
    "a deletion of 30 bases, near": (made(3, ref=DELETED, alt="A").around(1000), GENES),
    "past the contig's end": (made(2, pos=20_000), GENES),
    "past both ends": (made(1, pos=3_000, length=9_000), ()),
    "small numbers": (made(2, scale=3e-7), ()),
    "large numbers": (made(2, scale=4e5), ()),
    "nothing at all": (made(1, scale=0), ()),
    "its own bin": (made(1).around(0), GENES),
}


def words(figure):
    """Return every text that is drawn, with its extent in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            texts += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    shown = [text for text in texts if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


# One worker runs both tests of a picture, which it draws once.
PICTURES = [pytest.param(n, marks=pytest.mark.xdist_group(f"picture of {n}")) for n in CASES]


@functools.cache  # drawing twelve panels takes a second
def drawn(name):
    profile, genes = CASES[name]
    with styled():
        figure = draw_profile(profile, genes=genes)
        return figure, words(figure)


@pytest.mark.parametrize("name", PICTURES)
def test_no_word_lies_on_another_or_outside(name):
    figure, found = drawn(name)
    assert len(found) > 12
    for (one, a), (other, b) in itertools.combinations(found, 2):
        assert not a.overlaps(b), f"{one!r} lies on {other!r}"
    for word, place in found:
        inside = figure.bbox.x0 <= place.x0 and place.x1 <= figure.bbox.x1
        assert inside, word
        assert figure.bbox.y0 <= place.y0 < place.y1 <= figure.bbox.y1, word


@pytest.mark.parametrize("name", PICTURES)
def test_axes_have_names_with_units(name):
    figure, found = drawn(name)
    said = [word for word, _ in found]
    panels = sum(axes.get_ylabel() == "coverage" for axes in figure.axes)
    assert said.count("coverage") == said.count("change") == panels >= 1
    assert said.count("position on chr1 (bp)") == 1
    assert "predicted coverage per bin of 128 bp, model demo" in said
    lengths = {axes.get_position().width for axes in figure.axes}
    assert len({axes.get_xlim() for axes in figure.axes}) == len(lengths) == 1


@pytest.mark.parametrize("name", ["1 track", "a deletion of 30 bases, near"])
def test_the_variant_is_where_it_should_be(name):
    """Base 1,205,000, as the browser counts, lies between 1,204,999 and 1,205,000."""
    profile, _ = CASES[name]
    with styled():
        figure = draw_profile(profile)
    middle = {"1 track": 1_204_999.5, "a deletion of 30 bases, near": 1_204_999 + 31 / 2}[name]
    for axes in figure.axes:
        (mark,) = (line for line in axes.lines if line.get_gid() == "variant")
        assert list(mark.get_xdata()) == [middle, middle]
        bins = axes.patches[0].get_data()
        assert bins.edges.tolist() == [*profile.starts, profile.ends[-1]]


def test_what_is_drawn_is_what_was_predicted():
    profile = made(2)
    with styled():
        coverage, change, *_ = draw_profile(profile).axes
    reference, alternate = (stairs.get_data().values for stairs in coverage.patches[:2])
    np.testing.assert_array_equal(reference, profile.reference[:, 0])
    np.testing.assert_array_equal(alternate, profile.alternate[:, 0])
    gain, loss = (stairs.get_data().values for stairs in change.patches[:2])
    np.testing.assert_array_equal(gain + loss, profile.difference[:, 0])


def test_bins_beyond_the_contig_are_absent():
    profile = made(1, pos=20_000)
    with styled():
        axes = draw_profile(profile).axes[0]
    edges = axes.patches[0].get_data().edges
    assert edges[0] <= 0 < edges[0] + BIN
    (shade,) = (patch for patch in axes.patches if getattr(patch, "get_hatch", str)() == "///")
    assert shade.get_extents().transformed(axes.transData.inverted()).x1 == pytest.approx(
        0, abs=1e-6
    )


def test_genes_that_have_no_room_are_counted():
    many = [GeneShape("G", "+", 100, 900, []) for _ in range(MOST_ROWS + 3)]
    placed, left_out = place_genes([*many, GeneShape("far", "+", 2000, 3000, [])], 0, 1000, 6)
    assert [one.row for one in placed] == list(range(MOST_ROWS))
    assert left_out == 3


def test_more_panels_than_can_be_read_are_refused():
    with pytest.raises(OptionError, match="13 are chosen, and a figure has room for 12"):
        profile_picture(made(13), "png")


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_profile_gives_the_same_bytes(form, monkeypatch):
    """Later, and under other settings of the user's: no date and no random name is within."""
    first = profile_picture(made(), form, genes=GENES)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert profile_picture(made(), form, genes=GENES) == first
        assert mpl.rcParams["font.size"] == 30


def test_names_are_letters_whatever_they_are():
    """Neither mathematics nor markup nor a font's limits make anything else of them."""
    odd = "$\\frac$ <script>alert(1)</script> \n \t \u202e \U0001f9ec " + 300 * "x"
    table = TrackTable.from_names([odd], ["d"])
    profile = dataclasses.replace(made(), track_table=table, id=odd, contig=odd)
    genes = [GeneShape(odd, "+", profile.start, profile.end + 500, [])]
    assert b"<script>" not in profile_picture(profile, "svg", genes=genes)
    with styled():
        figure = draw_profile(profile, genes=genes)
        said = [word for word, _ in words(figure)]
    assert any(word.startswith("$\\frac$ <script>alert(1)</script> ? ? ? ? x") for word in said)
    assert all("\n" not in word for word in said)


def test_names_of_files_are_safe_and_differ():
    odd = ["a/b", "a\\b", "A_b", "..", "", "x" * 300, "x" * 299, "\U0001f600"]
    names = safe_names(odd)
    assert len({name.lower() for name in names}) == len(odd)
    assert all(re.fullmatch(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,85}", name) for name in names)
