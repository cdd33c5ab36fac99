"""Reports in a real browser: drawn, sorted, filtered, downloaded, printed, with no request."""

import csv
import io
import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from backgrounds import heavy_tailed, rewrite, write_result
from needs import lacking
from playwright.sync_api import sync_playwright

from varscore.meaning.build import build_background
from varscore.models.catalogue import read_catalogue
from varscore.models.tracks import TrackTable
from varscore.pictures.pages.content import Figure, Page
from varscore.pictures.pages.render import write_page
from varscore.reports.page import report_page
from varscore.reports.places import profile_figures
from varscore.results.profile import Profile

pytestmark = pytest.mark.xdist_group("browser")  # one is started for all of them

AXE = (Path(__file__).parent / "data" / "axe.min.js").read_text(encoding="utf-8")
MODEL = {
    "name": "small", "sha256": "0" * 64, "activation": "gelu_new", "activation_source": "file",
}  # fmt: skip
TISSUES = ["liver", "blood", "brain", ""]
HOSTILE = [
    "<script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "'\"><b>bold</b>&lt;i&gt; \\u003cb\\u003e </script><!--",
    "x" * 300,
    "\u202eright to left \u05d0\u05d1\u05d2",
    "\U0001f9ec\U0001f468\u200d\U0001f52c tab\there = 'quoted' \"twice\"",
]
ROWS = 260


@pytest.fixture(scope="module")
def browser():
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        lacking("no chromium is installed")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=found, args=switches)
        yield opened
        opened.close()


def hostile(table):
    """Give the rows that are strongest the IDs that may break a page."""
    names = table["id"].to_pylist()
    names[: len(HOSTILE)] = HOSTILE
    place = table.schema.get_field_index("id")
    return table.set_column(place, table.schema.field(place), pa.array(names))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with all that one can have."""
    folder, rng = tmp_path_factory.mktemp("report"), np.random.default_rng(2)
    facts = {f"t{n}": {"tissue": TISSUES[n % 4], "assay": ("DNASE", "CAGE")[n // 4]}
             for n in range(8)}  # fmt: skip
    known = {"facts": facts, "model": MODEL}
    scores = heavy_tailed(rng, ROWS, 1, 8)
    scores[: len(HOSTILE)] += np.linspace(9000, 8000, len(HOSTILE))[:, None, None]
    path = write_result(folder / "s.parquet", scores, unscored=(ROWS,), **known)
    rewrite(path, hostile)
    others = write_result(folder / "b.parquet", heavy_tailed(rng, 400, 1, 8), **known)
    build_background([others], folder / "background.parquet")
    (folder / "mine.tsv").write_text("id\tPIP\nrs50\t0.5\n")
    page = report_page(path, background=folder / "background.parquet", join=folder / "mine.tsv")
    bins = np.arange(40)
    profile = Profile(
        contig="chr1", start=2000, end=2001, ref="A", alt="G", id=".", contig_length=4000,
        track_table=TrackTable.from_names(["t0"], ["a track"]), starts=bins * 128 - 500,
        ends=bins * 128 - 372, reference=np.sin(bins / 9)[:, None] + 1,
        alternate=np.cos(bins / 9)[:, None] + 1,
    )  # fmt: skip
    first, *cards = page.cards
    first = replace(first, figures=(*profile_figures(profile, ["t0"]), *first.figures))
    page = replace(page, cards=(first, *cards))
    write_page(folder / "report.html", page)
    return page, folder / "report.html"


class Opened:
    """A page that is open, and what it said and asked for."""

    def __init__(self, browser, path, width=1280):
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-state]", state="attached", timeout=120_000)
        self.path = path

    def cells(self, name):
        """Return what a column of the table shows."""
        return self.page.locator(
            f"#rows tbody td:nth-child({self.place(name)})"
        ).all_inner_texts()

    def place(self, name):
        heads = self.page.locator("#rows thead th").all_inner_texts()
        return 1 + heads.index(name)

    def head(self, name):
        return self.page.locator(f"#rows thead th:nth-child({self.place(name)})")

    def downloaded(self):
        with self.page.expect_download() as found:
            self.page.click("#download")
        text = Path(found.value.path()).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text), delimiter="\t")), found.value

    def faults(self):
        """Return what axe-core finds fault with."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document)")
        return [(v["id"], v["nodes"][0]["html"][:200]) for v in found["violations"]]


@pytest.fixture(params=[1280, 800])
def opened(browser, report, request):
    found = Opened(browser, report[1], request.param)
    yield found
    assert found.said == []
    assert found.asked == [report[1].as_uri()]
    assert found.page.title() == report[0].title
    found.page.close()


@pytest.fixture
def wide(browser, report):
    found = Opened(browser, report[1])
    yield found
    assert found.said == []
    found.page.close()


def columns(page):
    """Return the columns of a page's table, as lists."""
    return {
        c.name: [c.texts[v] if c.texts and v is not None else v for v in c.values]
        for c in page.table.columns
    }


def test_every_figure_is_drawn_and_nothing_sticks_out(opened, report):
    page, _ = report
    figures = [*page.figures, *(figure for card in page.cards for figure in card.figures)]
    assert {figure.kind for figure in figures} == {
        "along", "heatmap", "sizes", "calibration", "dots", "profile",
    }  # fmt: skip
    marks = opened.page.locator("[data-figure]").evaluate_all(
        "all => all.map(one => one.querySelectorAll('svg g[data-mark] > *').length)"
    )
    assert len(marks) == len(figures)
    assert min(marks) > 3
    names = opened.page.locator("[data-figure] svg").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    assert sorted(names) == sorted(figure.title for figure in figures)
    wider = opened.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0


def test_figures_show_their_numbers(wide, report):
    """Of the heatmap: as many cells as variants and tissues, named as the result has them."""
    page, _ = report
    heatmap = wide.page.locator("figure.heatmap svg")
    assert heatmap.locator("g[data-mark=cell] rect").count() == 30 * 4
    labels = heatmap.locator("text").all_text_contents()
    assert {"liver", "blood", "brain", "not known"} <= set(labels)
    along = wide.page.locator("figure.along svg")
    dots = along.locator("g[data-mark=dot] path").count()
    assert dots == len(page.figures[0].data["points"]) == ROWS


def test_whatever_an_id_is_it_is_shown_as_text(wide):
    shown = wide.cells("ID")[: len(HOSTILE)]
    assert [text.split() for text in shown] == [text.split() for text in HOSTILE]
    cards = wide.page.locator("#card-1 .facts dd").all_inner_texts()
    assert HOSTILE[0] in cards
    assert wide.page.locator("main script, main img, main b").count() == 0
    # A long one is broken, so that it pushes nothing out of the page.
    assert (
        wide.page.locator("#rows tbody tr:nth-child(4) td").nth(2).bounding_box()["width"] < 400
    )


def test_the_table_sorts_by_any_column(wide, report):
    page, _ = report
    scores = columns(page)["score"]
    head = wide.head("score")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    found = [float(text) for text in wide.cells("score")]
    assert found == pytest.approx(sorted(scores, reverse=True)[:25], rel=1e-3)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(t) for t in wide.cells("score")] == pytest.approx(
        sorted(scores)[:25], rel=1e-3
    )
    wide.head("track").locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert wide.cells("track") == sorted(columns(page)["track"])[:25]


def test_the_table_is_filtered_and_leafed_through(wide, report):
    known = columns(report[0])
    wide.page.select_option("#tissue", "liver")
    wide.page.select_option("#sign", "-1")
    expected = [
        key for key, tissue, score in zip(known["key"], known["tissue"], known["score"],
                                          strict=True)
        if tissue == "liver" and score < 0
    ]  # fmt: skip
    assert wide.page.inner_text("#count") == f"{len(expected)} of {ROWS} variants"
    assert wide.cells("variant") == expected[:25]
    wide.page.click("#next")
    assert wide.cells("variant") == expected[25:50]
    wide.page.click("#clear")
    wide.page.click("#last")
    assert wide.cells("variant") == known["key"][ROWS - ROWS % 25 :]
    assert wide.page.inner_text("#place") == "page 11 of 11"
    assert wide.page.get_attribute("#next", "aria-disabled") == "true"
    wide.page.locator("#next").press("Enter")
    assert wide.page.inner_text("#place") == "page 11 of 11"
    wide.page.fill("#find", "RS50")
    assert wide.cells("ID") == [name for name in known["id"] if "rs50" in name]
    assert wide.cells("PIP")[0] == "0.5"
    wide.page.click("#clear")
    wide.page.fill("#least", "7999")
    large = [key for key, score in zip(known["key"], known["score"], strict=True)
             if abs(score) >= 7999]  # fmt: skip
    assert 1 < len(large) < 25
    assert wide.cells("variant") == large


def test_what_is_downloaded_is_what_is_shown(wide, report):
    known = columns(report[0])
    rows, download = wide.downloaded()
    assert download.suggested_filename == "s.tsv"
    assert [row["key"] for row in rows] == known["key"]
    assert [row["id"] for row in rows] == known["id"]  # with quotes, tabs and all
    for name in ("score", "quantile", "corrected"):
        assert [float(row[name]) for row in rows] == known[name]
    wide.page.fill("#find", "liver")
    wide.head("score").locator("button").click()
    rows, _ = wide.downloaded()
    assert {row["tissue"] for row in rows} == {"liver"}
    assert [row["key"] for row in rows][:25] == wide.cells("variant")
    assert wide.page.inner_text("#count") == f"{len(rows)} of {ROWS} variants"


def test_all_can_be_done_with_the_keyboard(wide):
    page = wide.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.focus("#download")
    page.keyboard.press("Tab")  # the table's frame, which scrolls
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "rank"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert wide.head("variant").get_attribute("aria-sort") == "ascending"
    page.focus("#next")
    page.keyboard.press("Space")
    assert page.inner_text("#place") == "page 2 of 11"
    assert page.evaluate("document.activeElement.id") == "next"
    page.click("#first")
    page.locator("#rows tbody a").first.focus()
    page.keyboard.press("Enter")
    assert page.url.partition("#")[2].startswith("card-")


def test_nothing_stands_in_the_way_of_anyone(wide):
    assert wide.faults() == []


def test_it_prints(wide):
    wide.page.emulate_media(media="print")
    assert not wide.page.is_visible("#download")
    assert wide.page.is_visible("#rows tbody tr")
    assert wide.page.is_visible("figure.heatmap svg")
    assert wide.page.pdf().startswith(b"%PDF")


def test_without_scripts_the_words_are_there(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report[1].as_uri())
    assert "need JavaScript" in page.inner_text("main")
    assert page.inner_text("#card-1 h3") == columns(report[0])["key"][0]
    context.close()


def test_names_of_contigs_do_not_overlap(browser, tmp_path):
    ends = np.cumsum([250 - 9 * n for n in range(25)]).tolist()
    contigs = [
        {"name": f"chr{n + 1}", "start": start, "end": end, "from": 0}
        for n, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]
    points = [{"x": 5, "y": 1.0, "key": "k", "track": "t", "rank": 1}]
    data = {"points": points, "contigs": contigs, "measure": "SAD"}
    write_page(tmp_path / "p.html", Page("p", figures=(Figure("along", "f", "c", data),)))
    found = Opened(browser, tmp_path / "p.html", 800)
    boxes = found.page.locator("svg text:text-matches('^chr')").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert len(boxes) > 8
    boxes.sort()
    assert all(right < left for (_, right), (left, _) in itertools.pairwise(boxes))
    found.page.close()


@pytest.mark.slow
def test_all_tracks_of_the_published_model(browser, tmp_path):
    rng = np.random.default_rng(4)
    known = read_catalogue("basenji2")
    facts = {
        f"t{n}": {name: known.columns[name][n] for name in ("assay", "class", "tissue")}
        for n in range(len(known))
    }
    scores = heavy_tailed(rng, 500, 1, len(facts))
    path = write_result(tmp_path / "s.parquet", scores, facts=facts, model=MODEL)
    page = report_page(path)
    write_page(tmp_path / "report.html", page)
    assert os.path.getsize(tmp_path / "report.html") < 5e6
    found = Opened(browser, tmp_path / "report.html")
    assert found.page.inner_text("#count") == "500 variants"
    best = np.unravel_index(np.abs(scores).argmax(), scores.shape)
    assert f"rs{best[0]}" in found.cells("ID")
    in_cards = sum(len(card.figures) for card in page.cards)
    assert len(page.cards) == 20
    assert found.page.locator("[data-figure] svg").count() == len(page.figures) + in_cards
    assert found.faults() == []
    assert found.said == []
    assert len(found.asked) == 1
    found.page.close()


@pytest.mark.slow
def test_a_hundred_thousand_rows(browser, tmp_path):
    rng = np.random.default_rng(3)
    path = write_result(tmp_path / "s.parquet", heavy_tailed(rng, 100_000, 1, 4), model=MODEL)
    page = report_page(path)
    write_page(tmp_path / "report.html", page)
    assert os.path.getsize(tmp_path / "report.html") < 8e6
    found = Opened(browser, tmp_path / "report.html")
    assert found.page.inner_text("#count") == "100,000 variants"
    found.page.fill("#find", "rs9999")
    known = [name for name in columns(page)["id"] if "rs9999" in name]
    assert found.cells("ID") == known
    found.page.click("#clear")
    found.head("score").locator("button").click()
    assert float(found.cells("score")[0]) == pytest.approx(
        max(columns(page)["score"]), rel=1e-3
    )
    assert len(found.downloaded()[0]) == 100_000
    assert found.page.locator("[data-figure] svg").count() == len(page.figures)
    assert found.said == []
    assert len(found.asked) == 1
    found.page.close()
