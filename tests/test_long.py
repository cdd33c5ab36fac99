"""What a result knows of its tracks, and scores in long form."""

import dataclasses
import json

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from writers import HEADER, record, write_fasta

from varscore import ScoreOptions, load_model, read_scores, score_vcf
from varscore.errors import OptionError, OutputError
from varscore.models.tracks import TrackTable
from varscore.results.annotate import write_table
from varscore.results.long import long_frame
from varscore.results.reading import read_tracks
from varscore.results.table import score_schema, tracks_of
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

KNOWN = ("assay", "class", "target", "biosample", "tissue")
PANELS = tuple("arm" if number % 3 else "" for number in range(11))
OPTIONS = ScoreOptions(statistics=("SAD", "D2"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A result of the demo model: two alleles scored, one not, two statistics."""
    folder = tmp_path_factory.mktemp("scored")
    bases = "".join(np.random.default_rng(1).choice(list("ACGT"), 40_000))
    genome = write_fasta(folder / "g.fa", {"chr1": bases})
    rows = [
        record("chr1", pos, f"v{pos}", bases[pos - 1], "CA"[bases[pos - 1] == "C"])
        for pos in (20_000, 20_500)
    ]
    vcf = folder / "in.vcf"
    vcf.write_text(HEADER + "".join(rows) + record("chr1", 20_600, ".", bases[20_599], "<DEL>"))
    model = load_model("demo", device="cpu")
    own = {**model.tracks.columns, "panel": PANELS, "clip": ("32",) * 11}
    model = dataclasses.replace(model, tracks=dataclasses.replace(model.tracks, columns=own))
    path = folder / "o.parquet"
    score_vcf(vcf, genome, path, model=model, options=OPTIONS)
    return path, model, vcf, genome


@pytest.fixture
def scored(scene):
    return scene[0]


def test_columns_of_a_result_say_what_is_known_of_their_tracks(scene):
    path, model, *_ = scene
    facts = pq.read_schema(path).field("D2_DNASE_HEPG2").metadata
    said = {key.decode(): value.decode() for key, value in facts.items()}
    said.pop("PARQUET:field_id", None)
    assert said == {
        "statistic": "D2",
        "around": "window",
        "index": "8",
        "identifier": "DNASE_HEPG2",
        "description": "DNASE:HEPG2 (simulated)",
        "assay": "DNASE",
        "class": "accessibility",
        "target": "",
        "biosample": "HepG2",
        "tissue": "liver",
        "panel": "arm",
    }
    tracks = read_tracks(path)
    assert tracks.identifiers == model.tracks.identifiers
    assert tracks.columns == {name: model.tracks.columns[name] for name in (*KNOWN, "panel")}


def test_tracks_are_chosen_from_a_result_without_its_model(scored, tmp_path):
    wide = read_scores(
        scored, ["SAD", "D2"], "tissue=liver & assay=DNASE|CAGE", columns=["key"]
    )
    assert wide.columns.to_list() == [
        "key", "SAD_DNASE_HEPG2", "SAD_CAGE_HEPG2", "D2_DNASE_HEPG2", "D2_CAGE_HEPG2",
    ]  # fmt: skip
    own = read_scores(scored, tracks="panel=arm & match=ctcf|gata1", columns=["key"])
    assert own.columns.to_list() == ["key", "SAD_CHIP_GATA1"]
    write_table(scored, tmp_path / "o.tsv", tracks="tissue=liver & assay=CAGE")
    assert (tmp_path / "o.tsv").read_text().splitlines()[0].endswith("\tSAD_CAGE_HEPG2")
    with pytest.raises(OptionError, match="tissue='heart'"):
        read_scores(scored, tracks="tissue=heart")


def test_shards_keep_it(scene, tmp_path):
    path, model, vcf, genome = scene
    plan_shards(vcf, genome, tmp_path / "plan", shards=2)
    (tmp_path / "scores").mkdir()
    options = dataclasses.replace(OPTIONS, tracks="tissue=liver")
    for name in ("0001.parquet", "0002.parquet"):
        score_shard(
            tmp_path / "plan" / name, genome, tmp_path / "scores" / name, model=model,
            options=options,
        )  # fmt: skip
    for dataset in (False, True):
        output = tmp_path / f"merged.{dataset}"
        merge_shards(tmp_path / "plan", tmp_path / "scores", output, dataset=dataset)
        assert read_tracks(output) == read_tracks(path).select("tissue=liver")
        assert len(read_scores(output, tracks="assay=CAGE", long=True)) == 3
    with pytest.raises(OutputError, match="a shard of a plan, not its scores"):
        read_tracks(tmp_path / "plan" / "0001.parquet")


def test_the_long_form_is_the_wide_one_melted(scored):
    wide = read_scores(scored, None, "assay=DNASE|CAGE")
    long = read_scores(scored, None, "assay=DNASE|CAGE", long=True)
    tracks = read_tracks(scored).select("assay=DNASE|CAGE")
    rows = [name for name in wide.columns if not name.startswith(("SAD_", "D2_"))]
    names = [*rows, "identifier", "description", *KNOWN, "panel", "SAD", "D2"]
    assert long.columns.to_list() == names
    for statistic in ("SAD", "D2"):
        frame = wide.rename(columns=lambda name: name.removeprefix(f"{statistic}_"))  # noqa: B023
        frame = frame.melt(rows, list(tracks.identifiers), "identifier", statistic)
        frame = frame.sort_values(["record", "allele"], kind="stable", ignore_index=True)
        np.testing.assert_array_equal(long[statistic], frame[statistic])
        assert long[statistic].dtype == np.float32
        for name in (*rows, "identifier"):
            theirs, ours = frame[name].astype(object), long[name].astype(object)
            pd.testing.assert_series_equal(ours, theirs, check_names=False)
    for name in ("description", *KNOWN, "panel"):
        cells = tracks.descriptions if name == "description" else tracks.columns[name]
        by_identifier = dict(zip(tracks.identifiers, cells, strict=True))
        assert long[name].to_list() == [by_identifier[i] for i in long["identifier"]]
        assert isinstance(long[name].dtype, pd.CategoricalDtype)
    assert long["SAD"].notna().to_list() == (long["status"] == "scored").to_list()


def test_the_long_form_is_small(scored):
    long = read_scores(scored, long=True)
    large = pd.concat([long] * 1000, ignore_index=True)
    # pos and record take 8 bytes each, allele and score 4, each of 15 texts one.
    used = large.memory_usage(index=False, deep=True).sum()
    assert used / len(large) < 8 + 8 + 4 + 4 + 15 + 1


@pytest.mark.parametrize("name", ["pos", "SAD"])
def test_two_columns_of_one_name_are_refused(name):
    wide = pa.table({"pos": [1], "SAD_a": [0.5]})
    tracks = TrackTable.from_names(["a"], ["a"], {name: ["x"]})
    with pytest.raises(OptionError, match=f"two columns would be called {name!r}"):
        long_frame(wide, {"SAD": tracks})


def test_a_result_without_further_columns_is_read_as_ever():
    tracks = TrackTable.unnamed(3)
    schema = score_schema(OPTIONS.measures, tracks)
    assert tracks_of(schema) == {"SAD": tracks, "D2": tracks}


def test_others_read_a_result(scored):
    column = "SAD_DNASE_HEPG2"
    ours = read_scores(scored, tracks="DNASE_HEPG2")[column].to_numpy()
    theirs = pl.scan_parquet(scored).select(column).collect()[column].to_numpy()
    np.testing.assert_array_equal(theirs, ours)
    rows = duckdb.sql(f"SELECT {column} FROM '{scored}' WHERE status = 'scored'").fetchall()
    np.testing.assert_array_equal(np.array(rows, np.float32)[:, 0], ours[~np.isnan(ours)])


def test_the_command_lists_a_results_tracks(scored, varscore):
    code, out, _ = varscore("tracks", "--scores", scored, "--tissue", "liver", "--json")
    assert code == 0
    assert [track["identifier"] for track in json.loads(out)] == ["DNASE_HEPG2", "CAGE_HEPG2"]
    assert json.loads(out)[0]["panel"] == "arm"
