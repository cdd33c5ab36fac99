"""The strongest variants of a result, held against pandas."""

import gzip
import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from backgrounds import heavy_tailed, write_result
from writers import HEADER, record

from varscore import read_scores
from varscore.errors import OptionError, OutputError
from varscore.meaning.apply import apply_background
from varscore.meaning.background import Background
from varscore.meaning.build import build_background
from varscore.meaning.join import join
from varscore.meaning.listing import to_tsv, top
from varscore.meaning.top import top_variants
from varscore.results.file import ResultReader

FACTS = {
    f"t{track}": {"tissue": ("liver", "brain", "blood/stem")[track % 3], "assay": "DNASE"}
    for track in range(12)
}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """2,000 variants, three statistics, 12 tracks, in row groups of 300; some not scored."""
    rng, folder = np.random.default_rng(5), tmp_path_factory.mktemp("top")
    scores = heavy_tailed(rng, 2000, 3, 12)
    scores[:, 1] = np.abs(scores[:, 1]) + np.abs(scores[:, 0])  # REF
    scores[:, 2] = scores[:, 1] + scores[:, 0]  # ALT
    scores[7, 0] = scores[9, 0]  # ties are in the file's order
    return write_result(
        folder / "s.parquet", scores, unscored=[3, 1900], facts=FACTS, group_rows=300,
        statistics=("SAD", "REF", "ALT"),
    )  # fmt: skip


def table_of(path, measure="SAD"):
    frame = read_scores(path, measure)
    scored = frame[frame["status"] == "scored"].reset_index(drop=True)
    return scored, scored[[f"{measure}_t{i}" for i in range(12)]].to_numpy()


# --- by score ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 10, 5000])
def test_by_score_they_are_those_of_pandas(many, number):
    frame, scores = table_of(many)
    found = top_variants(many, number=number)
    order = np.argsort(-np.abs(scores).max(axis=1), kind="stable")[:number]
    assert [one.row["key"] for one in found] == frame["key"][order].to_list()
    assert [one.rank for one in found] == list(range(1, len(order) + 1))
    refs, alts = (table_of(many, name)[1] for name in ("REF", "ALT"))
    for one, row in zip(found, order, strict=True):
        strongest = np.argsort(-np.abs(scores[row]), kind="stable")[:3]
        assert [effect.identifier for effect in one.effects] == [f"t{i}" for i in strongest]
        for effect, track in zip(one.effects, strongest, strict=True):
            assert effect.score == scores[row, track]
            ratio = np.log2((alts[row, track] + 1) / (refs[row, track] + 1))
            assert effect.log2_ratio == pytest.approx(ratio, rel=1e-4, abs=1e-6)
            assert (effect.ref, effect.alt) == (refs[row, track], alts[row, track])
            assert effect.columns == FACTS[effect.identifier]
            assert effect.quantile is None
    assert {one.beyond for one in found} == {None}


def test_of_a_tissue_only_its_tracks_count(many):
    frame, scores = table_of(many)
    found = top_variants(many, tracks="tissue=blood", number=20, shown=9)
    of_blood = scores[:, 2::3]
    order = np.argsort(-np.abs(of_blood).max(axis=1), kind="stable")[:20]
    assert [one.row["key"] for one in found] == frame["key"][order].to_list()
    assert {len(one.effects) for one in found} == {4}


def test_a_log_ratio_of_what_the_result_has(tmp_path):
    """By hand: REF 3 and SAD 4 make log2(8 / 4) = 1; without REF there is none."""
    path = write_result(tmp_path / "a.parquet", [[[4.0], [3.0]]], statistics=("SAD", "REF"))
    (one,) = top_variants(path)
    assert one.effects[0].log2_ratio == 1
    path = write_result(tmp_path / "b.parquet", [[[4.0]]])
    assert top_variants(path)[0].effects[0].log2_ratio is None
    # Of several widths, those of the same width belong together.
    path = write_result(
        tmp_path / "c.parquet", [[[4.0], [5.0], [3.0], [9.0]]],
        statistics=("SAD", "REF"), around=(250, "window"),
    )  # fmt: skip
    assert top_variants(path, statistic="SAD_250")[0].effects[0].log2_ratio == 1
    assert top_variants(path, statistic="SAD")[0].effects[0].ref == 9


def test_a_folder_is_read_as_one(many, tmp_path):
    with ResultReader(many) as reader:
        whole = reader.read(reader.schema.names)
    assert whole.num_rows == 2002
    scores = table_of(many)[1]
    for number, part in enumerate(np.array_split(scores[:, None], 3)):
        write_result(tmp_path / f"{number}.parquet", part)
    found = top_variants(tmp_path, number=30)
    sizes = [abs(one.effects[0].score) for one in found]
    assert sizes == sorted(np.abs(scores).max(axis=1).tolist(), reverse=True)[:30]


def test_nothing_was_scored(tmp_path):
    path = write_result(tmp_path / "s.parquet", np.zeros((0, 1, 12)), unscored=[0, 1])
    assert top_variants(path) == []
    assert to_tsv([]) == "rank\n"


def test_memory_does_not_grow_with_the_rows(tmp_path):
    rng, peaks = np.random.default_rng(1), []
    for rows in (1000, 20_000):
        scores = rng.normal(size=(rows, 1, 40))
        path = write_result(tmp_path / f"{rows}.parquet", scores, group_rows=500)
        tracemalloc.start()
        top_variants(path, number=20)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 2**20


# --- by quantile -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def background(tmp_path_factory):
    folder = tmp_path_factory.mktemp("background")
    scores = heavy_tailed(np.random.default_rng(6), 5000, 1, 12)
    path = write_result(folder / "s.parquet", scores, facts=FACTS, statistics=("SAD",))
    build_background([path], folder / "b.parquet")
    return folder / "b.parquet"


def test_by_quantile_the_most_unusual_come_first(many, background):
    """A result that has more statistics than the background is held against it, too."""
    frame, scores = table_of(many)
    found = top_variants(many, background=background, number=50)
    known = Background.read(background)
    names = [f"t{i}" for i in range(12)]
    quantiles = known.quantiles("SAD", names, scores)
    tails = 2 * np.minimum(quantiles, 1 - quantiles)
    rows = pd.Series(frame.index, frame["key"])
    corrected = [one.corrected for one in found]
    assert corrected == sorted(corrected)
    smallest = tails.min(axis=1)
    assert sorted(smallest)[:50] == pytest.approx(
        [smallest[rows[one.row["key"]]] for one in found], rel=1e-6
    )
    for one in found:
        row = rows[one.row["key"]]
        assert one.beyond == (tails[row].astype(np.float32) <= 0.001).sum()
        assert one.expected == pytest.approx(0.012)
        track = int(one.effects[0].identifier[1:])
        assert one.effects[0].quantile == pytest.approx(quantiles[row, track])
        assert tails[row, track] == pytest.approx(smallest[row])


def test_a_result_that_has_quantiles_needs_no_background(background, tmp_path):
    scores = heavy_tailed(np.random.default_rng(7), 200, 1, 12)
    path = write_result(tmp_path / "s.parquet", scores, facts=FACTS, unscored=[5])
    apply_background(path, background, tmp_path / "applied.parquet")
    apply_background(path, background, tmp_path / "short.parquet", only_extremes=True)
    expected = top_variants(path, background=background)
    found = top_variants(tmp_path / "applied.parquet")
    others = {one.row["key"]: one for one in expected}
    for one, at_place in zip(found, expected, strict=True):
        # Which of equals comes first, only the background itself can tell.
        assert one.corrected == pytest.approx(at_place.corrected, rel=1e-6)
        assert one.beyond == others[one.row["key"]].beyond
    short = top_variants(tmp_path / "short.parquet")
    assert [one.corrected for one in short] == [one.corrected for one in found]
    assert short[0].effects[0].quantile is None
    by_score = top_variants(tmp_path / "applied.parquet", by="score")
    assert [one.row for one in by_score] == [one.row for one in top_variants(path)]


def test_no_quantiles_to_rank_by(many):
    with pytest.raises(OptionError, match=r"by: .* has no quantiles; give a background"):
        top_variants(many, by="quantile")


def test_a_background_of_another_model_is_refused(background, tmp_path):
    model = {"name": "other", "sha256": "1" * 64, "activation": "gelu_new"}
    path = write_result(tmp_path / "s.parquet", np.zeros((1, 1, 12)), model=model)
    with pytest.raises(OutputError, match=r"is no background for .*: model is 0000"):
        top_variants(path, background=background)


# --- the user's own columns --------------------------------------------------------------


def test_a_table_is_joined(many, tmp_path):
    found = top_variants(many, number=3)
    first, second, third = (one.row["id"] for one in found)
    table = tmp_path / "t.tsv.gz"
    with gzip.open(table, "wt") as file:
        file.write("gene\tid\tPIP\tscore\n")
        file.write(f"A\t{second}\t0.5\tx\nB\t{second}\t0.5\ty\n\t{third}\t0.25\n")
    one, two, three = (dict(one.joined) for one in join(found, table))
    assert one == {"gene": "", "PIP": "", "score_joined": ""}
    assert two == {"gene": "A;B", "PIP": "0.5", "score_joined": "x;y"}
    assert three == {"gene": "", "PIP": "0.25", "score_joined": ""}
    by_key = tmp_path / "t.csv"
    by_key.write_text(f'key,note\n"{found[0].row["key"]}","a, b"\n')
    assert join(found, by_key, "key")[0].joined == {"note": "a, b"}
    assert first


def test_a_table_that_cannot_be_joined(many, tmp_path):
    found, table = top_variants(many, number=1), tmp_path / "t.tsv"
    table.write_text("snp\tPIP\n")
    with pytest.raises(OptionError, match="has no column 'id', but snp, PIP; name the column"):
        join(found, table)
    with pytest.raises(OptionError, match=r"join: .*absent.tsv cannot be read as a table"):
        join(found, tmp_path / "absent.tsv")
    table.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(OptionError, match="cannot be read as a table"):
        join(found, table)


# --- by the command ----------------------------------------------------------------------


def test_the_command_prints_a_table(varscore, many, background):
    code, out, _ = varscore("top", many, "-n", 2, "--background", background)
    assert code == 0
    (first, *_) = top_variants(many, background=background, number=2)
    assert first.row["key"] in out
    assert "expected beyond the 99.9th percentile: 0.012 tracks" in out
    heads = out.splitlines()[0].split()
    assert heads[:4] == ["rank", "id", "variant", "track"]
    assert "SAD" in heads  # the statistic of the scores
    assert "score" not in heads
    assert "sum of parts" not in out
    assert "they are no p-values" in out


def test_the_command_writes_every_form(varscore, many, tmp_path):
    code, out, _ = varscore("top", many, "-n", 5, "--tissue", "brain", "--tsv")
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == [
        "rank", "chrom", "pos", "id", "ref", "alt", "key", "track", "description", "tissue",
        "score", "log2_ratio", "others",
    ]  # fmt: skip
    assert [line[0] for line in lines[1:]] == list("12345")
    assert {line[9] for line in lines[1:]} == {"brain"}
    code, out, _ = varscore("top", many, "-n", 5, "--tissue", "brain", "--json")
    assert code == 0
    parsed = json.loads(out)
    assert [one["row"]["key"] for one in parsed] == [line[6] for line in lines[1:]]
    for suffix in ("tsv", "json", "parquet"):
        path = tmp_path / f"top.{suffix}"
        arguments = ("top", many, "-n", 5, "--tissue", "brain", "-o", path)
        assert varscore(*arguments)[0] == 0
        assert varscore(*arguments)[0] == 1
        assert varscore(*arguments, "--force")[0] == 0
    assert (tmp_path / "top.tsv").read_text().splitlines()[1].split("\t")[6] == lines[1][6]
    frame = pd.read_parquet(tmp_path / "top.parquet")
    assert frame["key"].to_list() == [line[6] for line in lines[1:]]
    assert json.loads((tmp_path / "top.json").read_text()) == parsed
    code, _, said = varscore("top", many, "-o", tmp_path / "top.xlsx")
    assert (code, said.count("\n")) == (1, 1)


# --- haplotypes --------------------------------------------------------------------------


def test_a_haplotype_is_set_against_the_sum_of_its_parts(tmp_path):
    """By hand: row 0 has the members of rows 1 and 2; one of row 3's was not scored."""
    scores = np.array([[5, -1], [1, 2], [3, -8], [4, 4]], np.float32)[:, None]
    path = write_result(tmp_path / "s.parquet", scores, unscored=[4])
    keys = [f"1:{number + 1}:A:G" for number in range(5)]  # as `write_result` makes them
    rows = [("1", 1, "rs0", "A", "G"), ("1", 4, "rs3", "A", "G"), ("1", 2, "rs1", "A", "G")]
    members = [f"MEMBERS={keys[1]},{keys[2]}", f"MEMBERS={keys[1]},{keys[4]}", "PART_OF=rs0"]
    lines = [record(*row).replace("\t.\n", f"\t{info}\n")
             for row, info in zip(rows, members, strict=True)]  # fmt: skip
    vcf = tmp_path / "h.vcf"
    vcf.write_text(HEADER + "".join(lines))
    found = top_variants(path, haplotypes=vcf, shown=2)
    parts = {
        (one.row["id"], effect.identifier): effect.parts
        for one in found
        for effect in one.effects
    }
    assert parts.pop(("rs0", "t0")) == 4
    assert parts.pop(("rs0", "t1")) == -6
    assert set(parts.values()) == {None}
    assert len(parts) == 6
    # Not the first row has it.
    frame = top(path, haplotypes=vcf, tracks="t0")
    sums = dict(zip(frame["id"], frame["parts"], strict=True))
    assert sums.pop("rs0") == 4
    assert all(np.isnan(other) for other in sums.values())
    header, *lines = to_tsv(top_variants(path, haplotypes=vcf, tracks="t1")).splitlines()
    assert header.split("\t").count("parts") == 1
    assert [line.split("\t")[3] for line in lines] == ["rs2", "rs3", "rs1", "rs0"]
