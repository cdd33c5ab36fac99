"""Reports: what stands on the page, held against `top`, the result and sums by hand."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from annotations import gtf_row
from backgrounds import heavy_tailed, write_result

import varscore
from varscore import read_scores
from varscore.inputs.genome import ReferenceGenome
from varscore.meaning.build import build_background
from varscore.meaning.listing import to_table
from varscore.meaning.outcomes import outcomes
from varscore.meaning.overview import (
    along_genome,
    assay_by_tissue,
    calibration,
    heatmap,
    score_sizes,
)
from varscore.meaning.survey import Sizes, survey
from varscore.meaning.top import top_variants
from varscore.meaning.units import units
from varscore.models.catalogue import read_catalogue
from varscore.models.tracks import TrackTable
from varscore.pictures.pages.content import Page
from varscore.pictures.pages.render import to_html
from varscore.reports.links import browser_links
from varscore.reports.page import report_page
from varscore.variant import Interval

DEMO = Path(__file__).parents[1] / "resources" / "demo"
VENDOR = Path(varscore.__file__).parent / "pictures" / "pages" / "vendor"
MODEL = {
    "name": "small", "sha256": "0" * 64, "activation": "gelu_new", "activation_source": "file",
}  # fmt: skip
FACTS = {
    "t0": {"tissue": "liver", "assay": "DNASE"},
    "t1": {"tissue": "blood", "assay": "DNASE"},
    "t2": {"tissue": "liver", "assay": "CAGE"},
    "t3": {"tissue": "", "assay": "CHIP"},
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A result of 700 rows and four tracks in small row groups, and a background for it."""
    folder, rng = tmp_path_factory.mktemp("scored"), np.random.default_rng(5)
    options = {"model": MODEL, "facts": FACTS, "statistics": ("SAD", "REF")}
    sizes = np.abs(heavy_tailed(rng, 700, 2, 4)) * [[[1], [9]]]
    path = write_result(
        folder / "s.parquet", sizes * signs(rng, 700), unscored=(700, 701), group_rows=64,
        **options,
    )  # fmt: skip
    sizes = np.abs(heavy_tailed(rng, 900, 2, 4))
    others = write_result(folder / "b.parquet", sizes * signs(rng, 900), **options)
    build_background([others], folder / "background.parquet")
    return path, folder / "background.parquet"


def signs(rng, rows):
    """Of SAD either, of REF none."""
    found = np.ones((rows, 2, 4))
    found[:, 0] = rng.choice([-1, 1], (rows, 4))
    return found


# ---------------------------------------------------------------- the ranking


@pytest.mark.parametrize("number", [10_000, 50])
@pytest.mark.parametrize("with_background", [False, True])
def test_the_ranking_is_that_of_top(scored, number, with_background):
    path, background = scored
    known = {"background": background if with_background else None, "number": number}
    expected = to_table(top_variants(path, **known))
    found = survey(path, **known).ranking
    assert found.column_names == expected.column_names
    for name in found.column_names:
        a, b = found[name].to_pylist(), expected[name].to_pylist()
        if isinstance(b[0], float):
            assert a == np.float32(b).tolist(), name
        else:
            assert a == b, name


def test_what_is_kept_while_more_is_read_is_the_strongest(tmp_path, monkeypatch):
    """Rows come in rising order, so that each piece displaces what was kept before."""
    monkeypatch.setattr("varscore.meaning.survey._ROWS", 16)
    scores = np.linspace(1, 2, 300)[:, None, None] * np.ones((1, 1, 2))
    found = survey(write_result(tmp_path / "s.parquet", scores), number=20, leading=3)
    assert found.ranking["id"].to_pylist() == [f"rs{n}" for n in range(299, 279, -1)]
    assert [one.row["id"] for one in found.leading] == ["rs299", "rs298", "rs297"]
    assert found.scored == 300


def test_sizes_are_shares_of_numbers():
    sizes = Sizes()
    sizes.add(np.array([[0.0, 0.5], [5.0, 50.0]]))
    edges, shares = sizes.reached()
    for x, share in ((0.4, 0.75), (4.0, 0.5), (40.0, 0.25)):
        assert shares[np.searchsorted(edges, x)] == share


# ---------------------------------------------------------------- figures


def test_along_the_genome_are_the_strongest_of_each_stretch(scored):
    found = along_genome(survey(scored[0]))
    frame = read_scores(scored[0]).query("status == 'scored'").reset_index()
    matrix = frame[[f"SAD_t{n}" for n in range(4)]].to_numpy()
    strongest = matrix[np.arange(700), np.abs(matrix).argmax(axis=1)]
    by_key = dict(zip(frame["key"], strongest, strict=True))
    for point in found["points"]:
        assert point["y"] == pytest.approx(by_key[point["key"]], rel=1e-3)
        # One contig is shown from its first variant, which is at position 1.
        assert point["x"] == int(point["key"].split(":")[1]) - 1
    assert len(found["points"]) == 700  # fewer than there are stretches


def test_a_cell_is_the_strongest_track_of_its_tissue(scored):
    whole = survey(scored[0], leading=5)
    found = heatmap(whole)
    assert found["columns"] == ["blood", "liver", "not known"]
    row = read_scores(scored[0], None).set_index("key").loc[found["rows"][2]]
    ratios = [
        np.log2((max(row[f"REF_t{n}"] + row[f"SAD_t{n}"], 0) + 1) / (row[f"REF_t{n}"] + 1))
        for n in range(4)
    ]
    cells = {c["column"]: c["value"] for c in found["cells"] if c["row"] == 2}
    assert cells["blood"] == pytest.approx(ratios[1], rel=1e-3, abs=1e-6)
    assert cells["liver"] == pytest.approx(max(ratios[0], ratios[2], key=abs), rel=1e-3)
    dots = assay_by_tissue(whole.leading[2].judged)
    assert {(d["assay"], d["tissue"]) for d in dots} == {
        ("DNASE", "liver"), ("DNASE", "blood"), ("CAGE", "liver"), ("CHIP", "not known"),
    }  # fmt: skip


def test_calibration_counts_variants(scored):
    path, background = scored
    found = calibration(survey(path, background=background))
    shares = np.array([one.corrected for one in top_variants(path, background=background,
                                                             number=1000)])  # fmt: skip
    line = [d for d in found["lines"] if d["of"] == "these variants"]
    for point in line[:: len(line) // 5]:
        expected = (shares <= point["x"] * (1 + 1e-3)).mean()
        assert point["y"] == pytest.approx(expected, abs=0.01)
    assert line[-1]["y"] == 1
    assert calibration(survey(path)) is None


def test_sizes_of_scores_are_counted_without_their_signs(scored):
    """Here and in the background: of all tracks' scores, falls as well as rises."""
    path, background = scored
    found = score_sizes(survey(path, background=background))
    others = read_scores(background.with_name("b.parquet"))
    for name, frame in (("these variants", read_scores(path)), ("background", others)):
        columns = [column for column in frame if column.startswith("SAD_")]
        sizes = np.abs(frame[columns].dropna().to_numpy())
        line = [d for d in found["lines"] if d["of"] == name]
        near = [d for d in line if 0.05 < d["y"] < 0.95]
        for point in near[:: len(near) // 5]:
            assert point["y"] == pytest.approx((sizes >= point["x"]).mean(), abs=0.01)


# ---------------------------------------------------------------- words


def test_what_a_sad_of_3_means():
    """By hand: of means, scaled by 2, 3 are 1.5 more in one bin: 1.5 x 128 = 192 bases."""
    published = read_catalogue("basenji2")
    first, *others = units(published, 128)
    assert "DNASE (674 tracks)" in first.tracks
    assert "cut off at 32 and multiplied by 2" in first.text
    assert "by 1.5, or 192 bases" in first.text
    (cage,) = (unit for unit in others if unit.tracks == "CAGE (638 tracks)")
    assert "cut off at 384," in cage.text
    assert ": 3 more of measured coverage" in cage.text
    (unknown,) = units(TrackTable.unnamed(2), 128)
    assert "does not say" in unknown.text


def test_outcomes_have_examples(scored):
    found = outcomes(scored[0])
    assert [(one.status, one.reason, one.rows) for one in found] == [
        ("scored", None, 700), ("ref_mismatch", "other", 2),
    ]  # fmt: skip
    assert found[1].examples == ["1:701 A>G rs700", "1:702 A>G rs701"]
    assert "the genome has something else" in found[1].meaning


def test_warnings_come_first_and_say_what_is_to_be_minded(tmp_path):
    model = {**MODEL, "name": "r", "untrained": True}
    path = write_result(
        tmp_path / "s.parquet", np.ones((8, 1, 1)), unscored=(8, 9), model=model,
        allow_ref_mismatches=True,
    )  # fmt: skip
    said = "\n".join(report_page(path).warnings)
    shares = ("REF of 2 of 10 rows (20.0%)", "2 of 10 rows (20.0%) have no scores")
    for text in ("random weights", *shares, "no background", "--allow-ref-mismatches"):
        assert text in said
    assert said.startswith("Model r has random weights")


def test_places_in_browsers():
    """The first base of a codon of TP53: chr17:7,673,803 of GRCh38."""
    lengths = {"17": 83_257_441, "1": 248_956_422}
    ucsc, ensembl, igv = browser_links(lengths, "17", 7_673_802, 7_673_803)
    assert ucsc[1].endswith("?db=hg38&position=chr17%3A7673303-7674303")
    assert ensembl[1].endswith("Homo_sapiens/Location/View?r=17:7673303-7674303")
    assert igv[1] == "http://localhost:60151/goto?locus=17%3A7673303-7674303"
    assert [text for text, _ in browser_links({"x": 9}, "x", 0, 1)] == [igv[0]]


def test_a_result_without_a_score_is_a_page_too(tmp_path):
    path = write_result(tmp_path / "s.parquet", np.ones((0, 1, 1)), unscored=(0,), model=MODEL)
    page = report_page(path)
    assert page.table is None
    assert page.cards == page.figures == ()
    assert "ref_mismatch" in to_html(page)


def test_a_result_of_names_alone_is_not_ranked(tiny_model, oracle_genome, tmp_path):
    with ReferenceGenome(oracle_genome) as genome:
        ref = genome.fetch(Interval("inside", 20_000, 20_001)).upper()
    path = tmp_path / "s.parquet"
    variant = f"inside:20001:{ref}:{'A' if ref != 'A' else 'C'}"
    varscore.score_vcf([variant], oracle_genome, path, model=tiny_model, top_tracks=1)
    page = report_page(path)
    assert page.table is None
    assert "--keep-tracks" in page.warnings[-1]


@pytest.mark.parametrize("named", [False, True])
def test_profiles_are_those_of_the_strongest_tracks(tiny_model, oracle_genome, tmp_path, named):
    """The difference of the whole profile sums up to the score of the card."""
    with ReferenceGenome(oracle_genome) as genome:
        bases = genome.fetch(Interval("inside", 20_000, 20_200)).upper()
    variants = [
        f"inside:{20_001 + place}:{base}:{'ACGT'['ACGT'.index(base) - 1]}"
        for place, base in enumerate(bases)
        if place % 60 == 0
    ]
    path = tmp_path / "s.parquet"
    model = tiny_model
    if named:  # by a table that was given for scoring, and is not given now
        names = [f"own{number}" for number in range(len(model.tracks))]
        model = replace(model, tracks=TrackTable.from_names(names, names))
    varscore.score_vcf(variants, oracle_genome, path, model=model)
    gtf = tmp_path / "g.gtf"
    ids = 'gene_id "G"; transcript_id "T"'
    gtf.write_text(gtf_row("inside", "transcript", 20_301, 21_000, "+", ids))
    page = report_page(path, genome=oracle_genome, model=tiny_model, genes=gtf)
    frame = read_scores(path).set_index("key")
    for card in page.cards:
        figures = [figure for figure in card.figures if figure.kind == "profile"]
        names = [row[0] for row in card.effects[0].rows]
        assert len(figures) == len(names) == 2
        for figure, name in zip(figures, names, strict=True):
            data = figure.data
            change = np.subtract(data["alternate"], data["reference"]).sum()
            # All bins of a small window are near the variant.
            assert change == pytest.approx(frame.loc[card.title, f"SAD_{name}"], abs=1e-3)
            assert data["pos"] == int(card.title.split(":")[1])
        # By hand: the transcript starts at 20,301.
        distance = 20_301 - int(card.title.split(":")[1])
        assert dict(card.facts)["genes near it"] == f"G (+, {distance} bases)"


def test_a_variant_that_was_explained_is_a_page(varscore, tmp_path):
    path = tmp_path / "v.html"
    words = ("explain", "multiallelic_8", "--vcf", DEMO / "demo.vcf", "-g",
             DEMO / "genome.fa.gz", "--model", "demo", "--html", path)  # fmt: skip
    assert varscore(*words)[0] == 0
    text = path.read_text(encoding="utf-8")
    kinds = ("deletion of 4 bases", "strongest tracks: TF")
    for said in ("chrA:4834:GTAAT:G and chrA:4834:G:A", *kinds, "For research use only"):
        assert said in text
    assert text.count('class="plot profile"') == 6  # three classes of tracks, two alleles
    assert varscore(*words)[0] == 1  # it is there already
    assert varscore(*words, "--json")[0] == 2


# ---------------------------------------------------------------- the file


def test_the_same_page_is_the_same_bytes_and_holds_its_data(scored):
    page = report_page(scored[0], background=scored[1])
    text = to_html(page)
    assert to_html(report_page(scored[0], background=scored[1])) == text
    packed = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', text)[1]
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    columns = {column["name"]: column for column in data["table"]["columns"]}
    keys = [one.row["key"] for one in top_variants(scored[0], background=scored[1], number=999)]
    assert columns["key"]["values"] == keys


def test_nothing_in_a_page_is_markup_but_the_page(scored):
    hostile = "</script><script>alert(1)</script>\"'&"
    text = to_html(Page(hostile, warnings=(hostile,), command=hostile, story=(hostile,)))
    assert "alert(1)</script>" not in text
    assert text.count("<script") == 4  # its data, two libraries and its own


def test_libraries_are_as_published():
    said = (VENDOR / "README.md").read_text()
    rows = re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", said, re.MULTILINE)
    assert {name for name, _ in rows} == {path.name for path in VENDOR.glob("*.js")}
    for name, digest in rows:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
        assert (VENDOR / name.replace(".min.js", ".LICENSE")).is_file()
