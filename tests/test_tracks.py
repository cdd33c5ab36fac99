"""``varscore tracks`` as a user meets it."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from varscore.cli.refusals import refuse_early
from varscore.errors import OptionError
from varscore.models.registry import read_checkpoint
from varscore.options import ModelOptions, ScoreOptions

HUB = Path(__file__).parent / "data" / "weights_hub"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VARSCORE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def listed(varscore):
    """Return a function that gives the tracks that options list, a dictionary each."""

    def run(*options):
        code, out, stderr = varscore("tracks", *options, "--json")
        assert code == 0, stderr
        return json.loads(out)

    return run


def test_the_published_models_tracks_are_known_without_its_weights(listed, varscore):
    everything = listed()
    assert len(everything) == 5313
    for options, fits in (
        (["--assay", "dnase|atac"], lambda t: t["assay"] in ("DNASE", "ATAC")),
        (["--target", "CTCF"], lambda t: t["target"] == "CTCF"),
        (["--tissue", "blood"], lambda t: t["tissue"].startswith("blood")),
        (["--biosample", "K562"], lambda t: t["biosample"] == "K562"),
        (["--match", "k562"], lambda t: "k562" in t["description"].lower()),
        (
            ["--tissue", "liver", "--assay", "CAGE", "--match", "fetal"],
            lambda t: t["description"] == "CAGE:liver, fetal, pool1",
        ),
        (
            ["--tracks", "tissue=liver & assay=CAGE", "--biosample", "hepg2"],
            lambda t: (t["biosample"], t["assay"]) == ("HepG2", "CAGE"),
        ),
        (
            ["--tracks", "ENCFF110QGM,ENCFF833POA"],
            lambda t: t["identifier"] in ("ENCFF833POA", "ENCFF110QGM"),
        ),
    ):
        found = listed(*options)
        assert found
        assert found == [track for track in everything if fits(track)]
    code, _, stderr = varscore("tracks", "--tissue", "livr")
    assert code == 1
    assert stderr.startswith("varscore: error: tracks: no track has tissue='livr'; nearest are")


def test_tracks_are_counted(listed, varscore):
    lines = varscore("tracks", "--tissue", "heart", "--summary")[1].splitlines()
    counts = json.loads(varscore("tracks", "--tissue", "heart", "--summary", "--json")[1])
    hearts = listed("--tissue", "heart")
    assert lines[:2] == ["column\tvalue\ttracks", f"\t\t{len(hearts)}"]
    assert counts["tracks"] == len(hearts)
    for name in ("assay", "class", "tissue"):
        assert counts[name] == Counter(track[name] for track in hearts)
        numbers = list(counts[name].values())
        assert numbers == sorted(numbers, reverse=True)
        for value, number in counts[name].items():
            assert f"{name}\t{value}\t{number}" in lines


def test_a_table_of_ones_own_is_chosen_from_by_its_columns(listed, varscore, tmp_path):
    table = tmp_path / "mine.tsv"
    rows = "".join(f"T{i}\tt {i}\tarm {i % 2}, left\n" for i in range(11))
    table.write_text(f"identifier\tdescription\tpanel\n{rows}")
    options = ["--model", "demo", "--track-table", table]
    found = listed(*options, "--tracks", "panel=Arm 1, left")
    assert [track["index"] for track in found] == [1, 3, 5, 7, 9]
    first = {"index": 1, "identifier": "T1", "description": "t 1", "panel": "arm 1, left"}
    assert found[0] == first
    code, _, stderr = varscore("tracks", "--track-table", table)
    assert code == 1
    assert "11 rows, but model basenji2 predicts 5313 tracks" in stderr
    # What is listed is a table again, and chooses.
    again = tmp_path / "again.tsv"
    again.write_text(varscore("tracks", *options)[1])
    assert listed("--model", "demo", "--track-table", again) == listed(*options)
    again.write_text(varscore("tracks", *options, "--tracks", "panel=arm 1, left")[1])
    assert listed(*options, "--tracks", again) == found


def test_columns_go_with_the_weights_whatever_their_form(varscore, tmp_path):
    table = tmp_path / "mine.tsv"
    rows = "".join(f"T{i}\tt {i}\tarm {i % 2}\n" for i in range(11))
    table.write_text(f"identifier\tdescription\tpanel\n{rows}")
    native, hub, keras = (tmp_path / name for name in ("m.safetensors", "hub", "k.h5"))
    for line in (
        ["demo", native, "--track-table", table],
        [native, hub],
        [hub, keras],
    ):
        assert varscore("model", "convert", *line)[0] == 0
    for path in (native, hub, keras):
        assert read_checkpoint(path).tracks.columns == {
            "panel": tuple(f"arm {i % 2}" for i in range(11))
        }


def test_a_fetched_models_tracks_are_those_of_its_table(listed, cache):
    folder = Path(shutil.copytree(HUB, cache / "basenji2"))
    digest = read_checkpoint(HUB).metadata["sha256"]
    (folder / "fetched.json").write_text(json.dumps({"name": "basenji2", "sha256": digest}))
    # Its weights are of seven tracks without names, as they say themselves.
    assert [track["identifier"] for track in listed()] == [f"track_{i}" for i in range(7)]
    names = [*(f"X{number}" for number in range(6)), "ENCFF833POA"]
    (folder / "targets.txt").write_text("\n".join(["identifier", *names, ""]))
    found = listed()
    assert [track["identifier"] for track in found] == names
    assert [track["tissue"] for track in found] == [""] * 6 + ["brain"]


def test_tracks_are_of_a_model_or_a_result(varscore):
    for options in (["--model", "demo"], ["--head", "human"]):
        code, _, stderr = varscore("tracks", "--scores", "x.parquet", *options)
        assert code == 2
        assert "give either a model or --scores" in stderr


@pytest.mark.parametrize("own", [False, True])
def test_a_choice_that_finds_nothing_is_refused_before_the_model_is_read(own, tmp_path):
    table = tmp_path / "mine.tsv"
    table.write_text("identifier\tpanel\na\tarm\n")
    model = ModelOptions(model="demo", track_table=table if own else None)
    wanted, words = ("panel=am", "nearest are arm") if own else ("tissue=livr", "are liver")
    with pytest.raises(OptionError, match=words):
        refuse_early(tmp_path / "no.fa", ScoreOptions(tracks=wanted), model=model)
