"""The demo through `varscore score`, held against the truth that is known for its genome."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from needs import CI
from pages import code_of, commands_of
from warm_python import warm

from varscore import load_model, read_metadata
from varscore.meaning.background import Background
from varscore.meaning.listing import top

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]  # its scores are made once
ROOT, BIN = Path(__file__).parents[1], Path(sys.executable).parent
DEMO = ROOT / "resources" / "demo"
FACTORS = ["CTCF", "GATA1", "SP1", "AP1", "HNF4A", "GABPA", "TBP"]


@pytest.fixture(scope="module")
def truth():
    table = pd.read_csv(DEMO / "truth.tsv", sep="\t", keep_default_na=False)
    sad = [column for column in table.columns if column.startswith("SAD_")]
    table[sad] = table[sad].apply(pd.to_numeric, errors="coerce")
    return table


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What the command makes of the shipped files; in CI run as users run it."""
    folder = tmp_path_factory.mktemp("demo")
    programs = BIN if CI else warm("varscore").parent
    make = ["make", "--no-print-directory", "-C", ROOT, "-o", "install", "demo"]
    make.append(f"BIN={programs}")
    done = subprocess.run(
        [*map(str, make), f"OUT={folder}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout)
    assert "its scores mean nothing for real genomes" in (folder / "logs/demo.log").read_text()
    out = folder / "scores.parquet"
    assert read_metadata(out)["model"]["teaching"] is True
    return out


@pytest.fixture(scope="module")
def scores(result):
    return pd.read_parquet(result)


@pytest.fixture(scope="module")
def pairs(truth, scores):
    """True and predicted SAD of the scored alleles, (B, T), and their rows of the truth."""
    columns = [column for column in truth.columns if column.startswith("SAD_")]
    scored = truth["status"] == "scored"
    return truth.loc[scored, columns].to_numpy(), scores.loc[scored, columns], truth[scored]


def test_rows_are_those_of_the_truth(truth, scores):
    names = ["chrom", "pos", "id", "ref", "alt", "status"]
    pd.testing.assert_frame_equal(scores[names], truth[names], check_dtype=False)
    assert {"scored", "ref_mismatch", "unknown_contig", "symbolic_allele"} <= set(
        scores["status"]
    )


def test_what_make_demo_says_fits_on_two_screens(truth, result):
    said = result.with_name("said.txt").read_text()
    lines = said.splitlines()
    assert len(lines) <= 50
    assert f"{len(truth)} alleles, {(truth['status'] == 'scored').sum()} of them scored" in said
    unscored = truth.loc[truth["status"] != "scored", "status"].value_counts()
    assert f"{unscored.sum()} alleles were not scored" in said
    for status, count in unscored.items():
        assert any(line.split()[:2] == [str(count), status] for line in lines), status
    report = result.with_name("report.html")
    assert report.is_file()
    assert str(report) in said
    assert "varscore score my.vcf.gz" in said


def test_a_demo_that_fails_says_why(tmp_path):
    make = ["make", "--no-print-directory", "-C", ROOT, "-o", "install", "demo", f"BIN={BIN}"]
    (tmp_path / "plan").write_text("a file in the place of a folder\n")
    done = subprocess.run(
        [*map(str, make), f"OUT={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert str(tmp_path / "plan") in done.stdout


@pytest.mark.parametrize("factor", FACTORS)
def test_motif_breaking_variants_stand_out(factor, pairs):
    _, predicted, rows = pairs
    size = predicted[f"SAD_CHIP_{factor}"].abs().to_numpy()
    snv = (rows["kind"] == "snv").to_numpy()
    breaks = (
        snv & (rows["class"] == "breaks").to_numpy() & (rows["factor"] == factor).to_numpy()
    )
    neutral = snv & (rows["class"] == "neutral").to_numpy()
    assert breaks.sum() >= 5
    assert neutral.sum() >= 20
    above = size[breaks][:, None] > size[neutral][None, :]
    assert above.mean() >= 0.99


@pytest.mark.parametrize("indels", [False, True])
def test_predicted_against_true_effects(indels, pairs):
    true, predicted, rows = pairs
    chosen = rows["kind"].isin(["insertion", "deletion", "delins"] if indels else ["snv"])
    true, predicted = true[chosen], predicted.to_numpy()[chosen]
    large = np.abs(true) > 1
    assert large.sum() > 100
    assert np.corrcoef(true.ravel(), predicted.ravel())[0, 1] >= 0.95
    assert np.mean(np.sign(true[large]) == np.sign(predicted[large])) >= 0.98


def test_coverage_of_the_unseen_genome(monkeypatch):
    """Predicted against expected coverage over all bins of one contig, track by track."""
    monkeypatch.syspath_prepend(str(DEMO))
    import simulate

    from varscore.inputs.genome import ReferenceGenome
    from varscore.models.encoding import one_hot
    from varscore.variant import Interval

    model = load_model("demo", device="cpu")
    length = model.config.window_length
    crop, step = model.config.crop_bins, 96 * 128
    with ReferenceGenome(DEMO / "genome.fa.gz") as genome:
        windows = [
            genome.fetch(Interval("chrB", start, start + length))
            for start in range(0, genome.lengths["chrB"] - length, step)
        ]
    windows = [window for window in windows if "N" not in window]
    predicted = model.predict(windows)
    expected = np.concatenate(
        [simulate.expected_coverage(one_hot([w]))[:, crop:-crop].numpy() for w in windows]
    )
    for track, name in enumerate(model.tracks.identifiers):
        pearson = np.corrcoef(predicted[..., track].ravel(), expected[..., track].ravel())[0, 1]
        assert pearson >= 0.97, name


def test_the_report_is_of_the_shipped_weights():
    report = json.loads((DEMO / "report.json").read_text())
    assert load_model("demo", device="cpu").sha256 in json.dumps(report)


def test_the_tutorial_holds(varscore, result, tmp_path, monkeypatch):
    page = ROOT / "docs" / "tutorial.md"
    first, *rest = commands_of(page)
    assert first == ["demo"]
    shutil.copytree(DEMO, tmp_path / "varscore-demo")
    shutil.copy(result, tmp_path / "varscore-demo")  # what it makes is made already
    [lines] = code_of(page, "text")
    (tmp_path / "mine.vcf").write_text(lines)
    monkeypatch.chdir(tmp_path)
    said = []
    for command in rest:
        code, out, error = varscore(*command)
        assert code == 0, error
        said.append(out)
    strongest, of_gata1, explained, _, checked, _, mine, _ = said
    assert strongest.count("_breaks_TBP_") == 3
    assert of_gata1.count("_GATA1_") == 3
    assert "-29.68" in explained
    assert "3 of 3 REF alleles match" in checked
    assert [mine.index(name) for name in ("gata1", "another", "beside")] == sorted(
        mine.index(name) for name in ("gata1", "another", "beside")
    )
    assert list(tmp_path.glob("gata1/*/profile.png"))
    [block] = code_of(page)
    exec(compile(block, "tutorial.md", "exec"), names := {})
    table = names["scores"].set_index("id")
    assert table.loc["long", "status"] == "symbolic_allele"
    assert abs(table.loc["beside", "SAD_CHIP_GATA1"]) < 0.5
    assert table.loc[["gata1", "another"], "SAD_CHIP_GATA1"].max() < -20


# ---------------------------------------------------------------- the shipped background


@pytest.fixture(scope="module")
def quantiles(scores):
    """Signed quantiles of the scored alleles' SAD in the shipped background, and its rows."""
    background = Background.read(DEMO / "background.parquet")
    columns = [name for name in scores if name.startswith("SAD_")]
    tracks = [name.removeprefix("SAD_") for name in columns]
    scored = scores.loc[scores["status"] == "scored", columns]
    found = background.quantiles("SAD", tracks, scored.to_numpy())
    extremes = background.extremes("SAD", tracks, scored.to_numpy(), found)
    most = pd.DataFrame({"track": np.array(tracks)[extremes.track]}, scored.index)
    return pd.DataFrame(found, scored.index, tracks), most.assign(share=extremes.corrected)


def test_every_breaking_snv_is_beyond_the_999th_thousandth(quantiles, pairs):
    found, most = quantiles
    rows = pairs[2]
    breaking = ((rows["class"] == "breaks") & (rows["kind"] == "snv")).to_numpy()
    assert breaking.sum() > 100
    assert most.loc[breaking, "share"].max() < 0.005
    right = most.loc[breaking, "track"] == "CHIP_" + rows.loc[breaking, "factor"]
    assert right.mean() > 0.95
    for factor in FACTORS:
        mine = breaking & (rows["factor"] == factor).to_numpy()
        assert found.loc[mine, f"CHIP_{factor}"].max() < 0.0005  # the factor binds less


def test_neutral_variants_are_uniform_in_the_background(quantiles, pairs):
    found, most = quantiles
    rows = pairs[2]
    neutral = ((rows["class"] == "neutral") & (rows["kind"] == "snv")).to_numpy()
    n = neutral.sum()
    assert n > 100
    ends = np.arange(n + 1)[:, None] / n
    shares = np.sort(np.column_stack([found[neutral], most.loc[neutral, "share"]]), axis=0)
    distance = np.maximum(ends[1:] - shares, shares - ends[:-1]).max(axis=0)
    assert distance.max() < 1.95 / np.sqrt(n)  # chance exceeds it once in a thousand


def test_the_background_is_of_the_shipped_model_and_of_other_variants(scores):
    record = Background.read(DEMO / "background.parquet").record
    weights = (DEMO / "demo.safetensors").read_bytes()
    assert record.conditions.model == hashlib.sha256(weights).hexdigest()
    assert record.model["teaching"] is True
    assert record.rows == 3000


def test_breaking_variants_rank_before_neutral_ones(truth, result):
    found = top(result, background=DEMO / "background.parquet", number=1000)
    classes = truth.set_index("id")["class"]
    ranks = {kind: [] for kind in classes}
    for rank, name in zip(found["rank"], found["id"], strict=True):
        if name.startswith("snv_"):
            ranks[classes[name]].append(rank)
    assert len(ranks["breaks"]) > 90 < len(ranks["neutral"])
    assert max(ranks["breaks"]) < min(ranks["neutral"])
