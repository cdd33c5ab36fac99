"""The figure of a saturation: what is where, in data coordinates and at its final size."""

import itertools
from functools import cache

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_hex

from varscore.meaning.saturation import means
from varscore.pictures.letters import BASE_COLOURS, letters
from varscore.pictures.lines import Lines, panels_of
from varscore.pictures.saturation import DIVERGING, Panel, draw_saturation, saturation_figure
from varscore.pictures.style import render, styled

CHANGES = ("A", "C", "G", "T", "deletion")
CONTIG, FIRST = "chr1_KI270706v1_$random$_\U0001f9ec", 91_234_567
LONG = "ChIP-seq of a factor with a long name, $NA, in a tissue that has one, too, " * 3


def interval(length, panels):
    """Return bases, two of which are N, and panels of random effects."""
    numbers = np.random.default_rng(1)
    bases = "".join(numbers.choice(list("ACGT"), length))
    if length > 2:
        bases = bases[: length // 2] + "NN" + bases[length // 2 + 2 :]
    found = []
    for number in range(panels):
        effects = numbers.normal(0, 10.0**number / 10, (len(bases), len(CHANGES)))
        for place, base in enumerate(bases):
            effects[place, "ACGT".index(base) if base != "N" else slice(None)] = np.nan
        effects = effects.astype(np.float32)
        found.append(Panel(f"TRACK{number}", LONG[: 9 * number + 9], effects, means(effects)))
    return bases, found


@cache
def drawn(length, panels):
    """Return the figure, laid out as for its file, and of what it is made."""
    bases, found = interval(length, panels)
    with styled():
        figure = saturation_figure(
            found, contig=CONTIG, first=FIRST, bases=bases, changes=CHANGES, statistic="SAD",
            model="m", note=LONG,
        )  # fmt: skip
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    return figure, bases, found


def parts(figure, kind):
    """Return the axes of one kind: those that have strips, heatmaps, or the genome's bases."""
    kinds = {"strip": [], "heatmap": [], "bases": []}
    for axes in figure.axes:
        if axes.get_ylabel() == "SAD":  # a colour bar
            continue
        if axes.get_ylabel() == "mean":
            kinds["strip"].append(axes)
        elif any(isinstance(c, QuadMesh) for c in axes.collections):
            kinds["heatmap"].append(axes)
        else:
            kinds["bases"].append(axes)
    return kinds[kind]


def boxes_of(axes):
    """Return colour, left, right, bottom and top of each letter, in data coordinates."""
    found = []
    for shapes in axes.collections:
        if isinstance(shapes, PathCollection):
            for path in shapes.get_paths():
                left, bottom, right, top = path.get_extents().extents
                found.append((to_hex(shapes.get_facecolor()[0]), left, right, bottom, top))
    return sorted(found, key=lambda box: box[1])


def test_letters_are_as_high_as_means_above_zero_and_below():
    figure, bases, (panel,) = drawn(20, 1)
    (strip,) = parts(figure, "strip")
    boxes = boxes_of(strip)
    known = [place for place, base in enumerate(bases) if base != "N"]
    assert len(boxes) == len(known) == 18
    for place, (colour, left, right, bottom, top) in zip(known, boxes, strict=True):
        mean = float(panel.means[place])
        assert colour == BASE_COLOURS[bases[place]].lower()
        assert (left + right) / 2 == pytest.approx(FIRST + place, abs=1e-3)
        assert 0.8 < right - left < 1
        assert (bottom, top) == pytest.approx((min(mean, 0), max(mean, 0)), abs=1e-6)
        lowest, highest = strip.get_ylim()
        assert lowest <= bottom <= top <= highest


def test_a_cell_has_its_score_at_its_position():
    figure, bases, (panel, _) = drawn(30, 2)
    heatmap = parts(figure, "heatmap")[0]
    (mesh,) = [c for c in heatmap.collections if isinstance(c, QuadMesh)]
    corners = mesh.get_coordinates()
    values = np.ma.filled(mesh.get_array().reshape(len(CHANGES), 30), np.nan)
    names = {tick: label.get_text() for tick, label in zip(
        heatmap.get_yticks(), heatmap.get_yticklabels(), strict=True)}  # fmt: skip
    for row, place in itertools.product(range(len(CHANGES)), range(30)):
        x, y = corners[row : row + 2, place : place + 2].mean((0, 1))
        assert x == FIRST + place
        change = CHANGES.index({"del": "deletion"}.get(names[y], names[y]))
        np.testing.assert_equal(values[row, place], panel.effects[place, change])
    assert [names[y] for y in sorted(names, reverse=True)] == ["A", "C", "G", "T", "del"]
    assert mesh.norm(0) == 0.5  # the scale's middle is zero
    assert mesh.norm.vmax == np.nanmax(np.abs(panel.effects))
    reference = boxes_of(parts(figure, "bases")[0])
    assert len(reference) == 30
    for place, (colour, left, right, *_) in enumerate(reference):
        assert (left + right) / 2 == pytest.approx(FIRST + place, abs=1e-3)
        assert colour == BASE_COLOURS.get(bases[place], "#999999").lower()


def test_what_is_zero_everywhere_or_not_there_can_be_drawn(tmp_path):
    nothing = np.full((3, 4), np.nan, np.float32)
    zero = np.where(np.eye(3, 4, dtype=bool), np.nan, np.float32(0))
    panels = [Panel("a", "", e, means(e)) for e in (nothing, zero)]
    with styled():
        figure = saturation_figure(
            panels, contig="c", first=1, bases="ACG", changes="ACGT", statistic="SAD", model="m"
        )
        render(figure, "png")
    for axes in parts(figure, "strip"):
        assert boxes_of(axes) == []
        assert axes.get_ylim() == (-1, 1)


@pytest.mark.parametrize(
    ("length", "panels"),
    [(1, 1), (20, 3), (200, 12), (450, 2), (1000, 3)],
)
def test_nothing_overlaps_or_is_cut_off(length, panels):
    figure, _, _ = drawn(length, panels)
    renderer = figure.canvas.get_renderer()
    whole, texts = figure.bbox, [("title", t.get_window_extent(renderer)) for t in figure.texts]
    for axes in figure.axes:
        labels = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        low, high = sorted(axes.get_xlim())
        labels += [t.label1 for t in axes.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
        low, high = sorted(axes.get_ylim())
        ticks = [t for t in axes.yaxis.get_major_ticks() if low <= t.get_loc() <= high]
        labels += [label for t in ticks for label in (t.label1, t.label2)]
        for label in labels:
            if label.get_visible() and label.get_text():
                texts.append((label.get_text(), label.get_window_extent(renderer)))
    for name, box in texts:
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1, name
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1, name
    for (one, box), (other, another) in itertools.combinations(texts, 2):
        assert not box.overlaps(another), (one, other)
    for one, other in itertools.combinations(figure.axes, 2):
        inner = one.get_window_extent(renderer).padded(-0.01)
        assert not inner.overlaps(other.get_window_extent(renderer).padded(-0.01))


def test_a_long_interval_goes_on_in_further_lines():
    """By hand: 200 bases a line are legible as letters, 12 panels and lines a figure."""
    assert Lines.of(200, 12) == Lines(((0, 200),), lettered=True)
    assert Lines.of(201, 6) == Lines(((0, 101), (101, 201)), lettered=True)
    assert Lines.of(201, 7) == Lines(((0, 201),), lettered=False)
    assert Lines.of(2400, 1).ends == tuple((k, k + 200) for k in range(0, 2400, 200))
    assert Lines.of(2401, 1) == Lines(((0, 801), (801, 1602), (1602, 2401)), lettered=False)
    assert [panels_of(n, 12) for n in (1, 1000, 1001, 5000, 10_000)] == [12, 12, 6, 2, 1]
    assert panels_of(10_000, 1) == panels_of(100, 1) == 1


def test_lines_go_on_where_the_one_above_ends_on_the_same_scale():
    figure, _, (panel, _) = drawn(450, 2)
    strips, heatmaps = parts(figure, "strip")[::2], parts(figure, "heatmap")[::2]
    starts = [FIRST - 0.5, FIRST + 149.5, FIRST + 299.5]
    assert [axes.get_xlim() for axes in strips] == [(x, x + 150) for x in starts]
    assert len({axes.get_ylim() for axes in strips}) == 1
    assert sum(len(boxes_of(axes)) for axes in strips) == 448
    scales = {(c.norm.vmin, c.norm.vmax) for axes in heatmaps for c in axes.collections}
    largest = np.nanmax(np.abs(panel.effects))
    assert scales == {(-largest, largest)}


def test_letters_can_be_read_at_final_size():
    """A base of a full line is as wide as letters of 5 points are, and 10 points high."""
    figure, _, _ = drawn(200, 12)
    renderer = figure.canvas.get_renderer()
    axes = parts(figure, "bases")[0]
    box = axes.get_window_extent(renderer)
    points = 72 / figure.dpi
    assert box.width * points / 200 > 0.75 * 5
    assert box.height * points * 0.75 > 7
    assert 1000 < figure.bbox.width < 2000


def test_bars_stand_for_letters_where_there_is_no_room():
    figure, _, panels = drawn(1000, 3)
    for axes, panel in zip(parts(figure, "strip"), panels, strict=True):
        assert boxes_of(axes) == []
        (stairs,) = [patch for patch in axes.patches if hasattr(patch, "get_data")]
        values, edges, baseline = stairs.get_data()
        np.testing.assert_array_equal(values, panel.means.astype(float))
        assert (edges[0], edges[-1], baseline) == (FIRST - 0.5, FIRST + 999.5, 0)


def luminance(colour):
    """Return the relative luminance of an sRGB colour, by WCAG's formula."""
    channels = np.asarray(colour[:3])
    linear = np.where(
        channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_scale_is_light_in_its_middle_and_dark_at_both_ends():
    """So size is seen without colour; red and blue are the pair that all but few can tell."""
    shades = [luminance(DIVERGING(x)) for x in np.linspace(0, 1, 21)]
    assert all(np.diff(shades[:11]) > 0)
    assert all(np.diff(shades[10:]) < 0)
    low, high = DIVERGING(0.1), DIVERGING(0.9)
    assert low[0] > low[2] + 0.3  # a loss is red
    assert high[2] > high[0] + 0.3  # and a gain blue


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?x"), ("pdf", b"%PDF")]
)
def test_the_same_figure_has_the_same_bytes(form, start, tmp_path):
    bases, panels = interval(12, 1)
    for name in ("one", "two"):
        draw_saturation(
            tmp_path / name, panels, contig="chr1", first=7, bases=bases, changes=CHANGES,
            statistic="SAD_250", model="m", form=form,
        )  # fmt: skip
    content = (tmp_path / "one").read_bytes()
    assert content == (tmp_path / "two").read_bytes()
    assert content.startswith(start)


def test_letters_fill_their_rectangles():
    (shape,) = letters("A", [5], [1], [2], 0.5)
    (path,) = shape.get_paths()
    np.testing.assert_allclose(path.get_extents().extents, [4.75, 1, 5.25, 3], atol=1e-9)
    assert letters("AC", [0, 1], [0, 0], [0, np.nan], 1) == []
