"""Backgrounds: quantiles held against counting, and what is added to a result."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from backgrounds import (
    MODEL,
    exact_quantiles,
    heavy_tailed,
    rewrite,
    without_last_scores,
    write_result,
)

from varscore import read_metadata, read_scores
from varscore.errors import OutputError
from varscore.meaning.apply import apply_background
from varscore.meaning.background import Background
from varscore.meaning.build import build_background
from varscore.meaning.distribution import kept_ranks
from varscore.results.annotate import write_table
from varscore.results.file import ResultReader

SEED = 12


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The scores of 28,998 variants in 12 tracks, and the folder with their result."""
    folder = tmp_path_factory.mktemp("large")
    scores = heavy_tailed(np.random.default_rng(SEED), 28_998, 1, 12)
    write_result(folder / "scores.parquet", scores)
    return scores, folder


def column(values, **options):
    """Return scores of one column, shape (B, 1, 1)."""
    return np.array(values, np.float32).reshape(-1, 1, 1)


def quantiles(background, values, measure="SAD"):
    found = background.quantiles(measure, ["t0"], np.array(values, np.float32)[:, None])
    return found[:, 0].tolist()


def tails_of_columns(background, measure, names, quantiles):
    columns = background.columns_of(measure, names)
    return np.column_stack([c.tails(q) for c, q in zip(columns, quantiles.T, strict=True)])


# --- signed quantiles ---------------------------------------------------------------------


def test_quantiles_worked_by_hand(tmp_path):
    scores = write_result(tmp_path / "s.parquet", column([3, 0, -2, 0, 0]))
    background = build_background([scores], tmp_path / "b.parquet")
    # Sorted: -2 0 0 0 3; half of a row counts for the row itself: shares 0.1 .3 .5 .7 .9. Zeros
    # are as one at the middle of theirs. 1.5 is halfway from 0 to 3: .8. The ends: 1/6, 5/6.
    assert quantiles(background, [0, 1.5]) == pytest.approx([0.5, 0.8])
    assert quantiles(background, [-2, -9, 3, 9]) == pytest.approx([1 / 6, 1 / 6, 5 / 6, 5 / 6])
    # From -2 (.1) to the first zero (.3): -0.5 is at three quarters.
    assert quantiles(background, [-0.5]) == pytest.approx([0.25])


def test_a_valuesof_equal_scores_has_its_middle_there(tmp_path):
    scores = write_result(tmp_path / "s.parquet", column([0] * 9))
    background = build_background([scores], tmp_path / "b.parquet")
    assert quantiles(background, [0, 1e-9, -1e-9]) == pytest.approx([0.5, 0.9, 0.1])


def test_quantiles_of_many_scores_are_those_of_counting(large, tmp_path):
    scores, folder = large
    background = build_background([folder / "scores.parquet"], tmp_path / "b.parquet")
    background = Background.read(tmp_path / "b.parquet")
    names = [f"t{number}" for number in range(12)]
    rng = np.random.default_rng(SEED + 1)
    asked = np.concatenate([heavy_tailed(rng, 200, 12), np.zeros((1, 12), np.float32)])
    found = background.quantiles("SAD", names, asked)
    for track in range(12):
        exact = exact_quantiles(scores[:, 0, track], asked[:, track])
        middle = (exact > 0.01) & (exact < 0.99)
        assert middle.sum() > 100
        assert np.abs(found[:, track] - exact)[middle].max() < 0.002
    for share in (0.0001, 0.001, 0.01):
        high = np.quantile(scores[:, 0], 1 - share, axis=0).astype(np.float32)[None]
        low = np.quantile(scores[:, 0], share, axis=0).astype(np.float32)[None]
        assert 1 - background.quantiles("SAD", names, high) == pytest.approx(share, rel=0.2)
        assert background.quantiles("SAD", names, low) == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize("rows", [1, 2, 600, 601, 20_000, 1_000_000])
def test_kept_ranks_are_few_symmetric_and_dense_at_the_ends(rows):
    ranks = np.array(kept_ranks(rows))
    assert (ranks[0], ranks[-1]) == (1, rows)
    assert (ranks + ranks[::-1] == rows + 1).all()
    assert len(ranks) <= 600
    steps = np.diff(ranks)
    assert (steps >= 1).all()
    assert (steps <= 0.002 * rows + 1).all()
    tail = ranks[:-1] < 0.01 * rows
    assert (steps[tail] <= 0.2 * ranks[:-1][tail] + 1).all()


# --- how a background is made -------------------------------------------------------------


def test_eight_files_give_the_bytes_of_one(large, tmp_path):
    scores, folder = large
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, part in enumerate(np.array_split(scores, 8)):
        write_result(shards / f"{number}.parquet", part)
    files = sorted(shards.iterdir())
    for name, given in (
        ("one", [folder / "scores.parquet"]),
        ("eight", files[::-1]),
        ("folder", [shards]),
    ):
        build_background(given, tmp_path / f"{name}.parquet")
    one, *others = (
        (tmp_path / f"{n}.parquet").read_bytes() for n in ("one", "eight", "folder")
    )
    assert others == [one, one]


def test_columns_are_read_in_blocks_of_bounded_size(large, tmp_path, monkeypatch):
    _, folder = large
    build_background([folder / "scores.parquet"], tmp_path / "b.parquet")
    monkeypatch.setattr("varscore.meaning.build._BLOCK_BYTES", 5 * 4 * 28_998)
    build_background([folder / "scores.parquet"], tmp_path / "c.parquet")
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()


def test_rows_that_are_not_scored_do_not_count(tmp_path):
    values = np.arange(20, dtype=np.float32)
    write_result(tmp_path / "a.parquet", column(values))
    write_result(tmp_path / "b.parquet", column(values), unscored=[0, 7, 22])
    of = [build_background([tmp_path / f"{n}.parquet"], tmp_path / f"{n}.b") for n in "ab"]
    assert [one.record.rows for one in of] == [20, 20]
    assert (tmp_path / "a.b").read_bytes() == (tmp_path / "b.b").read_bytes()


def test_nothing_scored_is_no_background(tmp_path):
    scores = write_result(tmp_path / "s.parquet", np.empty((0, 1, 2)), unscored=[0, 1])
    with pytest.raises(OutputError, match=r"s\.parquet: no row in it is scored"):
        build_background([scores], tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()


def test_a_scored_row_without_a_score_ends_it(tmp_path):
    path = write_result(tmp_path / "s.parquet", column([1, 2, 3]))
    rewrite(path, without_last_scores)
    with pytest.raises(OutputError, match=r"column SAD_t0 has a scored row without a finite"):
        build_background([path], tmp_path / "b.parquet")


# --- how extreme --------------------------------------------------------------------------


def tails_by_hand(kept, scores, signed):
    """Return the tails of scores, shape (B, T), and how far they go on beyond the ends."""
    n, found = len(kept), np.empty(scores.shape)
    for track in range(scores.shape[1]):
        q = np.clip(exact_quantiles(kept[:, track], scores[:, track]), 1 / (n + 1), n / (n + 1))
        found[:, track] = 2 * np.minimum(q, 1 - q) if signed else 1 - q
    return found


def extremities_by_hand(kept, scores, signed, own=False):
    """Return the smallest tail of each row, beyond the outermost of the (other) rows less."""
    tails = tails_by_hand(kept, scores, signed)
    for row, track in np.ndindex(scores.shape):
        others = np.delete(kept[:, track], row) if own else kept[:, track]
        middle, x = np.sort(kept[:, track])[len(kept) // 2], scores[row, track]
        if x > others.max():
            tails[row, track] *= (others.max() - middle) / (x - middle)
        if signed and x < others.min():
            tails[row, track] *= (others.min() - middle) / (x - middle)
    return tails.min(axis=1)


def corrected_by_hand(kept, scores, signed, asked=None):
    """Return the share of rows, one more counted, that are as extreme in the tracks kept."""
    mine = extremities_by_hand(kept, kept, signed, own=True)
    others = extremities_by_hand(kept, scores, signed) if asked is None else asked
    return [((mine <= x * (1 + 1e-6)).sum() + 1) / (len(kept) + 1) for x in others]


@pytest.mark.parametrize(
    ("statistic", "signed"), [("SAD", True), ("logSED", True), ("D2", False)]
)
def test_the_most_extreme_track_and_its_correction_are_those_of_counting(
    tmp_path, statistic, signed
):
    rng = np.random.default_rng(SEED)
    scores = rng.integers(-400, 400, (300, 4)) * (1 + np.arange(4))
    # Among them, so that nothing is interpolated, and some beyond all.
    asked = scores[rng.permutation(300)[:60]]
    asked[:3] = rng.integers(2000, 4000, (3, 4))
    asked[3:6, 1] = [900, 1000, -1100]
    if not signed:
        scores, asked = np.abs(scores), np.abs(asked)
    write_result(tmp_path / "s.parquet", scores[:, None], statistics=[statistic])
    background = build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    names, given, rows = ["t0", "t1", "t2", "t3"], asked.astype(np.float32), np.arange(60)
    q = background.quantiles(statistic, names, given)
    tails = tails_by_hand(scores, asked, signed)
    beyond = (asked > scores.max(axis=0)) | (asked < scores.min(axis=0))
    assert beyond.any()
    assert tails_of_columns(background, statistic, names, q) == pytest.approx(tails)
    found = background.extremes(statistic, names, given, q)
    assert found.corrected == pytest.approx(corrected_by_hand(scores, asked, signed))
    assert tails[rows, found.track] == pytest.approx(tails.min(axis=1))
    assert found.quantile == pytest.approx(q[rows, found.track])


def test_beyond_all_of_the_background_the_furthest_track_is_named(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(50, 1, 3)) * [1, 100, 1]
    write_result(tmp_path / "s.parquet", scores)
    background = build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    asked = np.array([[-9, 500, 0], [-9, 5000, 0], [0, 0, 99]], np.float32)
    names = ["t0", "t1", "t2"]
    found = background.extremes("SAD", names, asked, background.quantiles("SAD", names, asked))
    assert found.track.tolist() == [0, 1, 2]
    assert found.quantile == pytest.approx([1 / 51, 50 / 51, 50 / 51])
    assert found.corrected[1:] == pytest.approx([1 / 51, 1 / 51])  # none is as far out


@pytest.mark.parametrize("tracks", [30, 600])
def test_the_correction_is_uniform_for_variants_like_the_background(tmp_path, tracks):
    # Tracks that depend on each other: sums of few sources. 1,000 others of the same kind.
    rng = np.random.default_rng(SEED)
    mixed = rng.normal(size=(20, tracks))
    scores, others = (
        (heavy_tailed(rng, n, 20) @ mixed).astype(np.float32) for n in (2000, 1000)
    )
    write_result(tmp_path / "s.parquet", scores[:, None])
    background = build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    names = [f"t{number}" for number in range(tracks)]
    q = background.quantiles("SAD", names, others)
    found = background.extremes("SAD", names, others, q)
    # The bound for two samples, which chance exceeds once in a hundred.
    bound = 1.63 * np.sqrt(1 / 1000 + 1 / 2000)
    assert kolmogorov_smirnov(found.corrected) < bound
    assert (found.corrected < 0.01).mean() < 0.025  # at the extreme end, too
    assert kolmogorov_smirnov(tails_of_columns(background, "SAD", names, q).min(axis=1)) > 0.3


def kolmogorov_smirnov(shares):
    """Return the largest distance of shares from being uniform."""
    ordered, n = np.sort(shares), len(shares)
    ends = np.arange(n + 1) / n
    return max((ends[1:] - ordered).max(), (ordered - ends[:-1]).max())


def test_some_tracks_are_corrected_for_their_tissue_or_assay_alone(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(200, 1, 4))
    facts = {
        "t0": {"tissue": "liver", "assay": "DNASE"},
        "t1": {"tissue": "liver", "assay": "CHIP"},
        "t2": {"tissue": "heart", "assay": "CHIP"},
        "t3": {"assay": "CHIP", "tissue": ""},  # not known
    }
    write_result(tmp_path / "s.parquet", scores, facts=facts)
    build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    background = Background.read(tmp_path / "b.parquet")
    assert [(one.tracks, one.sets) for one in background.extremities] == [
        (4, {}), (3, {"assay": "CHIP"}), (1, {"assay": "DNASE"}), (1, {"tissue": "heart"}),
        (2, {"tissue": "liver"}),
    ]  # fmt: skip
    asked = scores[:50, 0].astype(np.float32)
    for tracks, held in (
        ([0, 1], [0, 1]),  # liver
        ([0], [0]),  # DNASE, or liver, which has more
        ([1, 3], [1, 2, 3]),  # CHIP
        ([2], [2]),
        ([0, 2], [0, 1, 2, 3]),  # nothing that they share
    ):
        names = [f"t{track}" for track in tracks]
        found = background.extremes(
            "SAD", names, asked[:, tracks], background.quantiles("SAD", names, asked[:, tracks])
        )
        extreme = extremities_by_hand(scores[:, 0, tracks], scores[:50, 0, tracks], True)
        expected = corrected_by_hand(scores[:, 0, held], None, True, extreme)
        assert found.corrected == pytest.approx(expected)


def test_groups_without_sign_are_extreme_at_one_end(tmp_path):
    scores = np.abs(np.random.default_rng(SEED).normal(size=(100, 1, 3)))
    facts = {
        "t1": {"index": "-1", "aggregate": "max_abs", "tracks": "7"},
        "t2": {"aggregate": "max_abs", "tracks": "many"},  # a user's own columns, of a track
    }
    write_result(tmp_path / "s.parquet", scores, facts=facts)
    background = build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    lowest, names = np.full((1, 3), -1, np.float32), ["t0", "t1", "t2"]
    q = background.quantiles("SAD", names, lowest)
    assert tails_of_columns(background, "SAD", names, q)[0] == pytest.approx(
        [2 / 101, 100 / 101, 2 / 101]
    )


# --- what a background serves for ---------------------------------------------------------

OTHERWISE = {
    "model": {"model": {**MODEL, "sha256": "1" * 64}},
    "activation": {"model": {**MODEL, "activation": "quick_gelu"}},
    "statistics": {"statistics": ["D2"]},
    "around": {"around": [1000]},
    "gene_bins": {"genes": "a.gtf", "gene_bins": "exons"},
    "windows": {"windows": "binned"},
    "indels": {"indels": "trim"},
    "reverse_complement": {"reverse_complement": True},
    "shifts": {"shifts": [0, 1]},
    "precision": {"precision": "mixed"},
}  # fmt: skip


@pytest.mark.parametrize("field", OTHERWISE)
def test_a_background_of_other_scores_is_refused(field, tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(30, 1, 2))
    write_result(tmp_path / "mine.parquet", scores)
    write_result(tmp_path / "other.parquet", scores, **OTHERWISE[field])
    background = build_background([tmp_path / "other.parquet"], tmp_path / "b.parquet")
    with ResultReader(tmp_path / "mine.parquet") as reader:
        made = reader.provenance()
    with pytest.raises(
        OutputError, match=rf"is no background for these scores: {field} is .*,"
    ):
        background.check(made)
    with pytest.raises(OutputError, match=rf"mine\.parquet: {field} is .* in the scores; give"):
        apply_background(
            tmp_path / "mine.parquet", tmp_path / "b.parquet", tmp_path / "o.parquet"
        )
    assert not (tmp_path / "o.parquet").exists()
    with pytest.raises(OutputError, match=rf"mine\.parquet: its {field} is .* made alike"):
        build_background(
            [tmp_path / "other.parquet", tmp_path / "mine.parquet"], tmp_path / "c.parquet"
        )


def test_the_width_at_start_sites_is_compared_for_genes_alone(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(30, 1, 2))
    for name, options in (
        ("none", {"tss_width": 500}),
        ("zero", {"genes": "a.gtf"}),
        ("wide", {"genes": "b.gtf", "tss_width": 500}),
    ):
        write_result(tmp_path / f"{name}.parquet", scores, **options)
    write_result(tmp_path / "plain.parquet", scores)
    background = build_background([tmp_path / "none.parquet"], tmp_path / "b.parquet")
    background.check(ResultReader(tmp_path / "plain.parquet").provenance())
    background = build_background([tmp_path / "wide.parquet"], tmp_path / "c.parquet")
    with pytest.raises(
        OutputError, match="tss_width is 500 in the background, 0 in the scores"
    ):
        background.check(ResultReader(tmp_path / "zero.parquet").provenance())


def test_a_background_may_have_more_than_the_scores(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(30, 6, 3))
    write_result(
        tmp_path / "b.s", scores, statistics=["SAD", "D2"], around=[250, 1000, "window"]
    )
    build_background([tmp_path / "b.s"], tmp_path / "b.parquet")
    write_result(tmp_path / "s.parquet", scores[:, 2:3, :2])  # SAD in the window, two tracks
    apply_background(tmp_path / "s.parquet", tmp_path / "b.parquet", tmp_path / "o.parquet")
    found = read_scores(tmp_path / "o.parquet", "SAD_quantile")
    assert found["SAD_quantile_t1"].to_numpy() == pytest.approx(
        np.clip(exact_quantiles(scores[:, 2, 1], scores[:, 2, 1]), 1 / 31, 30 / 31)
    )


# --- what is added to a result ------------------------------------------------------------


def test_apply_adds_columns_and_leaves_the_others(tmp_path):
    rng = np.random.default_rng(SEED)
    kept, scores = heavy_tailed(rng, 700, 2, 3), heavy_tailed(rng, 40, 2, 3)
    options = {"statistics": ["SAD", "D2"]}
    write_result(tmp_path / "b.s", kept, **options)
    background = build_background([tmp_path / "b.s"], tmp_path / "b.parquet")
    path = write_result(tmp_path / "s.parquet", scores, unscored=[0, 20, 42], **options)
    made = apply_background(path, tmp_path / "b.parquet", tmp_path / "o.parquet")
    assert made.statuses == {"ref_mismatch": 3, "scored": 40}
    assert made.reasons == {"other": 3}
    assert read_metadata(tmp_path / "o.parquet")["background"]["file"] == "b.parquet"

    before, after = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in "so")
    added = [name for name in after if name not in before]
    assert added == [
        *(f"SAD_quantile_t{n}" for n in range(3)),
        *(f"SAD_extreme_{what}" for what in ("track", "quantile", "corrected")),
        *(f"D2_quantile_t{n}" for n in range(3)),
        *(f"D2_extreme_{what}" for what in ("track", "quantile", "corrected")),
    ]
    pd.testing.assert_frame_equal(after[list(before)], before)
    with ResultReader(tmp_path / "o.parquet") as reader:
        about = reader.schema.field("D2_quantile_t1").metadata
    assert {name: about[name] for name in about if not name.startswith(b"PARQUET:")} == {
        b"statistic": b"quantile", b"of": b"D2", b"around": b"window", b"index": b"1",
        b"identifier": b"t1", b"description": b"t1",
    }  # fmt: skip
    scored = (after["status"] == "scored").to_numpy()
    assert after.loc[~scored, added].isna().all(axis=None)
    assert after.loc[scored, added].notna().all(axis=None)
    names = ["t0", "t1", "t2"]
    for place, measure in enumerate(("SAD", "D2")):
        expected = background.quantiles(measure, names, scores[:, place])
        found = read_scores(tmp_path / "o.parquet", f"{measure}_quantile", "t1", columns=[])
        assert found[scored].to_numpy()[:, 0] == pytest.approx(expected[:, 1])
        extreme = background.extremes(measure, names, scores[:, place], expected)
        columns = after.loc[scored, [name for name in added if name.startswith(f"{measure}_e")]]
        assert columns.iloc[:, 0].tolist() == [names[track] for track in extreme.track]
        assert columns.iloc[:, 1].to_numpy() == pytest.approx(extreme.quantile)
        assert columns.iloc[:, 2].to_numpy() == pytest.approx(extreme.corrected)


def test_only_extremes(tmp_path):
    scores = heavy_tailed(np.random.default_rng(SEED), 100, 1, 3)
    path = write_result(tmp_path / "s.parquet", scores, unscored=[50])
    build_background([path], tmp_path / "b.parquet")
    for name, only in (("all", False), ("few", True)):
        apply_background(
            path, tmp_path / "b.parquet", tmp_path / f"{name}.parquet", only_extremes=only
        )
    every, few = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("all", "few"))
    assert [name for name in every if name not in few] == [
        f"SAD_quantile_t{n}" for n in range(3)
    ]
    pd.testing.assert_frame_equal(every[list(few)], few)


def test_a_folder_becomes_one_result_of_bounded_row_groups(tmp_path, monkeypatch):
    scores = heavy_tailed(np.random.default_rng(SEED), 90, 1, 2)
    write_result(tmp_path / "s.parquet", scores)
    build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    apply_background(tmp_path / "s.parquet", tmp_path / "b.parquet", tmp_path / "one.parquet")
    (tmp_path / "folder").mkdir()
    for number, part in enumerate(np.array_split(scores, 7)):
        write_result(tmp_path / "folder" / f"{number}.parquet", part, group_rows=5)
    monkeypatch.setattr("varscore.meaning.apply.rows_per_group", lambda _: 40)
    monkeypatch.setattr("varscore.meaning.quantiles._CELLS", 11)
    apply_background(tmp_path / "folder", tmp_path / "b.parquet", tmp_path / "many.parquet")
    groups = pq.ParquetFile(tmp_path / "many.parquet").metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [40, 40, 10]
    one, many = (read_scores(tmp_path / f"{n}.parquet", None) for n in ("one", "many"))
    written = ["pos", "id", "record", "key"]  # in the files of the folder from 0 on, each
    pd.testing.assert_frame_equal(one.drop(columns=written), many.drop(columns=written))
    assert read_metadata(tmp_path / "many.parquet")["rows"] == 90


def test_a_result_without_scored_rows_gets_nulls(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(30, 1, 2))
    write_result(tmp_path / "s.parquet", scores)
    build_background([tmp_path / "s.parquet"], tmp_path / "b.parquet")
    path = write_result(tmp_path / "none.parquet", np.empty((0, 1, 2)), unscored=[0, 1, 2])
    apply_background(path, tmp_path / "b.parquet", tmp_path / "o.parquet")
    added = pd.read_parquet(tmp_path / "o.parquet").iloc[:, 12:]
    assert added.shape == (3, 5)
    assert added.isna().all(axis=None)


def test_the_same_bytes_again_and_never_over_a_file(tmp_path):
    path = write_result(
        tmp_path / "s.parquet", heavy_tailed(np.random.default_rng(1), 50, 1, 2)
    )
    build_background([path], tmp_path / "b.parquet")
    apply_background(path, tmp_path / "b.parquet", tmp_path / "o.parquet")
    first = [(tmp_path / name).read_bytes() for name in ("b.parquet", "o.parquet")]
    for again in (
        lambda **force: build_background([path], tmp_path / "b.parquet", **force),
        lambda **force: apply_background(
            path, tmp_path / "b.parquet", tmp_path / "o.parquet", **force
        ),
    ):
        with pytest.raises(OutputError, match="exists; give another name, or --force"):
            again()
        again(force=True)
    assert [(tmp_path / name).read_bytes() for name in ("b.parquet", "o.parquet")] == first


def test_annotate_carries_the_most_extreme_quantile_along(tmp_path):
    scores = np.random.default_rng(SEED).normal(size=(30, 1, 2)) * [1, 100]
    path = write_result(tmp_path / "s.parquet", scores, unscored=[3])
    build_background([path], tmp_path / "b.parquet")
    apply_background(path, tmp_path / "b.parquet", tmp_path / "o.parquet")
    result = pd.read_parquet(tmp_path / "o.parquet")
    for name in ("s", "o"):
        write_table(tmp_path / f"{name}.parquet", tmp_path / f"{name}.tsv")
    plain, found = (pd.read_csv(tmp_path / f"{n}.tsv", sep="\t") for n in ("s", "o"))
    pd.testing.assert_frame_equal(found[list(plain)], plain)  # the strongest track is the same
    assert [name for name in found if name not in plain] == [
        "TOP_SAD_QUANTILE", "TOP_SAD_QUANTILE_TRACK", "TOP_SAD_CORRECTED",
    ]  # fmt: skip
    for field, name in (("QUANTILE", "quantile"), ("CORRECTED", "corrected")):
        np.testing.assert_array_equal(
            found[f"TOP_SAD_{field}"].astype(np.float32), result[f"SAD_extreme_{name}"]
        )
    assert found["TOP_SAD_QUANTILE_TRACK"].isna().tolist() == [n == 3 for n in range(31)]


# --- the commands -------------------------------------------------------------------------


def test_the_commands(varscore, tmp_path):
    scores = write_result(
        tmp_path / "s.parquet", np.random.default_rng(1).normal(size=(9, 1, 2))
    )
    b, o = tmp_path / "b.parquet", tmp_path / "o.parquet"
    code, _, stderr = varscore("background", "build", scores, "-o", b)
    assert (code, stderr) == (0, f"{b}: 2 columns, 9 scored rows\n")
    code, _, stderr = varscore(
        "background", "apply", scores, "-B", b, "-o", o, "--only-extremes"
    )
    assert code == 0
    assert "9 rows, 9 with quantiles of" in stderr
    assert "no p-values" in stderr
    assert "SAD_quantile_t0" not in pd.read_parquet(o)
    code, _, stderr = varscore(
        "background", "apply", scores, "-B", scores, "-o", tmp_path / "p"
    )
    assert (code, stderr.count("\n")) == (1, 1)
    assert "s.parquet: is no background; make one of scores with" in stderr
