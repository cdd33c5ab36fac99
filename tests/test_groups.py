"""Scores of groups of tracks, and of each row's strongest, held against pandas."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varscore import ScoreOptions, load_model, read_metadata, read_scores, score_vcf
from varscore.errors import OptionError, OutputError
from varscore.meaning.apply import apply_background
from varscore.meaning.build import build_background
from varscore.meaning.groups import AGGREGATES, GroupColumns, TopColumns, track_groups
from varscore.meaning.top import top_variants
from varscore.models.tracks import TrackTable
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

DATA = Path(__file__).parent / "data"
MEASURES = ScoreOptions(statistics=("SAD", "D2")).measures
TISSUES = ("liver", "", "blood/stem", "liver", "blood/stem", "heart", "liver", "", "heart",
           "liver", "blood/stem", "liver")  # fmt: skip
ASSAYS = ("DNASE", "CHIP") * 6


def described(names=tuple(f"t{i}" for i in range(12))):
    return TrackTable.from_names(names, names, {"tissue": TISSUES, "assay": ASSAYS})


def by_pandas(scores, keys):
    """Return the aggregates of rows of scores, by the values of keys."""
    frame = pd.DataFrame(scores.T.astype(np.float64))
    aggregates = {
        "mean": lambda x: x.mean(),
        "max": lambda x: x.iloc[x.abs().to_numpy().argmax()],
        "mean_abs": lambda x: x.abs().mean(),
        "max_abs": lambda x: x.abs().max(),
    }
    made = {
        (name, row): frame[row].groupby(list(keys)).apply(function)
        for name, function in aggregates.items()
        for row in frame.columns
    }
    return pd.DataFrame(made)


# --- which groups ------------------------------------------------------------------------


def test_groups_of_a_column_are_its_values():
    liver, *_ = groups = track_groups("tissue", described())[::-1]
    assert [group.name for group in groups] == ["liver", "heart", "blood_stem"]
    assert liver.rows == (0, 3, 6, 9, 11)
    assert liver.columns == {"tissue": "liver"}
    assert liver.description == "tissue liver"


def test_groups_of_two_columns_are_their_combinations():
    groups = track_groups("assay, tissue", described())
    assert [(group.name, group.rows) for group in groups] == [
        ("CHIP_heart", (5,)),
        ("CHIP_liver", (3, 9, 11)),
        ("DNASE_blood_stem", (2, 4, 10)),
        ("DNASE_heart", (8,)),
        ("DNASE_liver", (0, 6)),
    ]  # tracks 1 and 7 have no tissue


def test_a_file_of_groups(tmp_path):
    file = tmp_path / "my.groups"
    file.write_text("identifier\tgroup\nt1\tsome of it\nt5\tall\nt1\tall\n\nt0\tall\n")
    one, two = track_groups(str(file), described())
    assert (one.name, one.rows) == ("some_of_it", (1,))
    assert (two.name, two.rows) == ("all", (0, 1, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t1 a\n", r"line 1: 't1 a', expected a track's identifier, a tab and a group's name"),
        ("t1\ta\nt1\tb\tc\n", r"line 2: 't1\\tb\\tc', expected"),
        ("t1\ta\nT2\tb\n", r"line 2: 'T2' is none of the 12 tracks that are scored"),
        ("\n", r"puts none of the 12 tracks in a group"),
    ],
)
def test_a_wrong_file_of_groups(text, message, tmp_path):
    file = tmp_path / "groups.tsv"
    file.write_text(text)
    with pytest.raises(OptionError, match=message):
        track_groups(str(file), described())


def test_neither_columns_nor_a_file():
    with pytest.raises(
        OptionError, match=r"'tisue' is neither a file nor columns .* tissue, as"
    ):
        track_groups("tisue", described())
    with pytest.raises(OptionError, match="columns of the track table, which has none"):
        track_groups("tissue", TrackTable.unnamed(3))


def test_groups_whose_columns_would_have_one_name(tmp_path):
    file = tmp_path / "groups.tsv"
    file.write_text("t1\ta b\nt2\ta/b\n")
    with pytest.raises(OptionError, match="two of them make columns called 'a_b'"):
        GroupColumns(MEASURES, track_groups(str(file), described()))


# --- what is computed --------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 1e30]))
def test_aggregates_are_those_of_pandas(rows, seed, levels):
    """Few levels make ties, of which the first counts."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=(rows, 2, 12)) * levels).astype(np.float32)
    groups = track_groups("tissue,assay", described())
    made = GroupColumns(MEASURES, groups)
    found = dict(zip((f.name for f in made.fields), made.columns(scores), strict=True))
    assert len(found) == 2 * len(groups) * 4
    keys = [np.array(TISSUES), np.array(ASSAYS)]
    for place, measure in enumerate(MEASURES):
        expected = by_pandas(scores[:, place], keys)
        for group, aggregate in product(groups, AGGREGATES):
            column = found[f"{measure.name}_{group.name}_{aggregate}"].to_numpy()
            truth = expected.loc[tuple(group.columns.values()), aggregate].to_numpy()
            np.testing.assert_array_equal(column, truth.astype(np.float32))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_strongest_are_those_of_a_stable_sort(seed, number):
    scores = np.random.default_rng(seed).integers(-3, 4, (4, 2, 12)).astype(np.float32)
    made = TopColumns(MEASURES, described(), number)
    found = dict(zip((f.name for f in made.fields), made.columns(scores), strict=True))
    for row, (place, measure) in product(range(4), enumerate(MEASURES)):
        values = scores[row, place].tolist()
        order = sorted(range(12), key=lambda track: (-abs(values[track]), track))
        for rank, track in enumerate(order[:number], start=1):
            assert found[f"{measure.name}_top{rank}_track"][row].as_py() == f"t{track}"
            assert found[f"{measure.name}_top{rank}"][row].as_py() == values[track]


def test_more_of_the_strongest_than_tracks():
    with pytest.raises(OptionError, match="top_tracks: 13 of 12 tracks"):
        TopColumns(MEASURES, described(), 13)


# --- in results --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    table = tmp_path_factory.mktemp("table") / "tracks.tsv"
    table.write_text(described().to_tsv())
    return load_model(DATA / "weights_keras" / "model.h5", device="cpu", track_table=table)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "policy.fa"
    path.write_bytes((DATA / "policy.fa").read_bytes())
    return path


@pytest.fixture(scope="module")
def full(model, genome, tmp_path_factory):
    """The scores of all tracks of the policy file."""
    path = tmp_path_factory.mktemp("full") / "full.parquet"
    score_vcf(DATA / "policy.vcf", genome, path, model=model, statistics=("SAD", "REF"))
    return pd.read_parquet(path)


OPTIONS = ScoreOptions(statistics=("SAD", "REF"), groups="assay,tissue", top_tracks=2)


@pytest.fixture(scope="module")
def grouped(model, genome, tmp_path_factory):
    path = tmp_path_factory.mktemp("grouped") / "grouped.parquet"
    score_vcf(DATA / "policy.vcf", genome, path, model=model, options=OPTIONS)
    return path


def assert_grouped(frame, full, **near):
    """Hold groups and strongest tracks against the scores of all tracks."""
    scored = full["status"] == "scored"
    assert 0 < scored.sum() < len(full)
    others = [name for name in frame.columns if name.startswith(("SAD_", "REF_"))]
    assert frame.loc[~scored, others].isna().all(axis=None)
    assert frame.loc[scored, others].notna().all(axis=None)
    for measure in ("SAD", "REF"):
        scores = full.loc[scored, [f"{measure}_t{i}" for i in range(12)]].to_numpy()
        expected = by_pandas(scores, [np.array(ASSAYS), np.array(TISSUES)])
        for (assay, tissue), row in expected.iterrows():
            for aggregate in AGGREGATES if tissue else ():
                name = f"{measure}_{assay}_{tissue.replace('/', '_')}_{aggregate}"
                np.testing.assert_allclose(
                    frame.loc[scored, name], row[aggregate], **(near or {"rtol": 1e-6})
                )
        strongest = np.abs(scores).argmax(axis=1)
        assert frame.loc[scored, f"{measure}_top1_track"].to_list() == [
            f"t{track}" for track in strongest
        ]


def test_groups_in_place_of_tracks(grouped, full):
    frame = pd.read_parquet(grouped)
    assert not {"SAD_t0", "REF_t11"} & set(frame.columns)
    assert_grouped(frame, full)
    facts = pq.read_schema(grouped).field("SAD_DNASE_liver_max").metadata
    assert facts[b"description"] == b"max of 2 tracks: assay DNASE, tissue liver"
    assert (facts[b"tissue"], facts[b"statistic"]) == (b"liver", b"SAD")
    options = read_metadata(grouped)["options"]
    assert (options["groups"], options["top_tracks"]) == ("assay,tissue", 2)


def test_groups_beside_tracks(model, genome, full, tmp_path):
    path = tmp_path / "both.parquet"
    score_vcf(
        DATA / "policy.vcf", genome, path, model=model, statistics=("SAD", "REF"),
        groups="assay,tissue", top_tracks=2, keep_tracks=True,
    )  # fmt: skip
    frame = pd.read_parquet(path)
    pd.testing.assert_frame_equal(frame[full.columns], full)
    assert_grouped(frame, full)


def test_groups_of_shards(model, genome, full, grouped, tmp_path):
    plan = plan_shards(DATA / "policy.vcf", genome, tmp_path / "plan", shards=3)
    (tmp_path / "shards").mkdir()
    for entry in plan.shards:
        score_shard(
            tmp_path / "plan" / entry.file_name, genome, tmp_path / "shards" / entry.file_name,
            model=model, options=OPTIONS,
        )  # fmt: skip
    merge_shards(tmp_path / "plan", tmp_path / "shards", tmp_path / "merged", dataset=True)
    assert_grouped(pd.read_parquet(tmp_path / "merged"), full, rtol=1e-4, atol=1e-4)
    schema = pq.read_schema(grouped)
    assert pq.read_schema(tmp_path / "merged" / "00001.parquet").equals(schema)


def test_groups_are_read_as_tracks_are(grouped, full):
    frame = read_scores(grouped, "SAD", "tissue=liver & match=_mean$", columns=["key"])
    assert frame.columns.to_list() == ["key", "SAD_CHIP_liver_mean", "SAD_DNASE_liver_mean"]
    assert read_scores(grouped, "REF", "CHIP_heart_max", columns=[]).shape == (len(full), 1)


# --- with a background -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups": "assay,tissue"},
        {"groups": "tissue", "keep_tracks": True},
        {"top_tracks": 3},
    ],
)
def test_quantiles_while_scoring_are_those_applied_afterwards(model, genome, tmp_path, options):
    """Where no scores of tracks or groups are written, each row's extreme among tracks."""
    only = "top_tracks" in options
    whole = {} if only else options
    files = [tmp_path / name for name in ("plain", "b", "applied", "at_once")]
    plain, background, applied, at_once = files
    score_vcf(DATA / "policy.vcf", genome, plain, model=model, **whole)
    build_background([plain], background)
    apply_background(plain, background, applied, only_extremes=only)
    made = score_vcf(
        DATA / "policy.vcf", genome, at_once, model=model, background=background, **options
    )
    expected, found = pd.read_parquet(applied), pd.read_parquet(at_once)
    new = [name for name in expected if "_quantile_" in name or "_extreme_" in name]
    assert len(new) == (
        3 if only else 3 + sum(name[:4] == "SAD_" for name in pd.read_parquet(plain))
    )
    pd.testing.assert_frame_equal(found[new], expected[new])
    assert made.statuses["scored"] == found["SAD_extreme_track"].notna().sum()
    metadata = read_metadata(at_once)
    assert metadata["background"] == read_metadata(applied)["background"]
    with pytest.raises(
        OutputError, match=r"is no background for these options: shifts is 0 in"
    ):
        score_vcf(
            DATA / "policy.vcf", genome, tmp_path / "x", model=model, background=background,
            shifts=(0, 1),
        )  # fmt: skip
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, {"t0", "t3", "t6", "t9", "t11", "t2", "t4", "t10", "t5", "t8", "t1", "t7"}),
        ("tissue=liver", {"t0", "t3", "t6", "t9", "t11"}),
        ("liver_mean,heart_mean_abs", {"liver_mean", "heart_mean_abs"}),
        ("liver_mean,heart_max", {"heart_max"}),
    ],
)
def test_the_strongest_of_tracks_and_groups(model, genome, tmp_path, chosen, expected):
    path = tmp_path / "both.parquet"
    options = {"groups": "tissue", "keep_tracks": True}
    score_vcf(DATA / "policy.vcf", genome, path, model=model, **options)
    found = top_variants(path, tracks=chosen, shown=50, number=1)
    assert {effect.identifier for effect in found[0].effects} == expected


def test_the_strongest_groups_are_told_by_their_strongest_track(grouped):
    (one, *_) = top_variants(grouped, tracks="tissue=heart", shown=50)
    assert {effect.identifier for effect in one.effects} == {
        "CHIP_heart_max",
        "DNASE_heart_max",
    }
