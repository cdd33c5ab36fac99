"""Every change of an interval: `varscore saturate`, held against scoring the same as a VCF."""

import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from writers import write_fasta, write_vcf

from varscore import ScoreOptions, load_model, read_scores, saturate, score, score_vcf, top
from varscore.errors import OutputError
from varscore.inputs.genome import ReferenceGenome
from varscore.meaning.saturation import means
from varscore.variant import Interval

DEMO = Path(__file__).parents[1] / "resources" / "demo"
GENOME = DEMO / "genome.fa.gz"
SITE = (155869, 155878)  # of GATA1: TTCTTATCTG, whose variants the demo's VCF has


@pytest.fixture(scope="module")
def site():
    """The demo's model around a site of GATA1: tracks, and of each tissue and assay groups."""
    return saturate(
        "chrB:155842-155901", GENOME, model=load_model("demo", device="cpu"),
        groups="assay", keep_tracks=True,
    )  # fmt: skip


def by_hand(path, contig, first, last):
    """Return the records of substitutions and deletions, spelled from the genome's letters."""
    with ReferenceGenome(path) as genome:
        bases = genome.fetch(Interval(contig, 0, genome.lengths[contig]))
    rows = []
    for pos in range(first, last + 1):
        base, before = bases[pos - 1], bases[pos - 2]
        rows.append((contig, pos - 1, before + base, before))
        rows.append((contig, pos, base, ",".join(sorted(set("ACGT") - {base}))))
    return rows


@pytest.mark.parametrize("options", [{}, {"reverse_complement": True, "around": (0, "window")}])
def test_rows_are_those_of_the_same_vcf(options, tiny_model, policy_genome, tmp_path):
    vcf = write_vcf(tmp_path / "same.vcf", by_hand(policy_genome, "chr1", 101, 130))
    options = {"statistics": ("SAD", "D2"), **options}
    score_vcf(vcf, policy_genome, tmp_path / "s.parquet", model=tiny_model, **options)
    out = tmp_path / "out"
    saturate("chr1:101-130", policy_genome, out, model=tiny_model, deletions=True, **options)
    of_vcf, found = pq.read_table(tmp_path / "s.parquet"), pq.read_table(out / "scores.parquet")
    assert found.num_rows == 30 * 4
    for field, other in zip(found.schema, of_vcf.schema, strict=True):
        assert field.equals(other, check_metadata=True)
    assert found.equals(of_vcf)  # the scores bit for bit


def test_a_cell_is_its_variants_score(tiny_model, policy_genome):
    found = saturate("1:96-103", policy_genome, model=tiny_model, engine="two-pass")
    assert (found.changed.interval.contig, list(found.positions)) == ("chr1", [*range(96, 104)])
    with ReferenceGenome(policy_genome) as genome:
        assert found.bases == genome.fetch(Interval("chr1", 95, 103))
    track = found.tracks["SAD"].identifiers[1]
    matrix = found.matrix(track)
    assert (matrix.shape, matrix.dtype) == ((8, 4), np.float32)
    for place, base in enumerate(found.bases):
        for change, alt in enumerate("ACGT"):
            if alt == base:
                assert np.isnan(matrix[place, change])
                continue
            variant = f"chr1:{96 + place}:{base}:{alt}"
            frame = score([variant], policy_genome, model=tiny_model, engine="incremental")
            assert matrix[place, change] == pytest.approx(
                frame[f"SAD_{track}"][0], rel=1e-3, abs=1e-5
            )


def test_a_mean_is_of_the_substitutions_alone():
    nan = np.nan
    matrix = np.array([[1, nan, 2, 6, 90], [nan, -1, -2, 0, nan], [nan] * 5], np.float32)
    np.testing.assert_array_equal(means(matrix), np.float32([3, -1, nan]))


def test_bases_without_changes_are_said(tiny_model, policy_genome):
    # Bases 301 to 304 are N; the contig has 467 and an R at 451.
    found = saturate("chr1:298-306", policy_genome, model=tiny_model, deletions=True)
    assert found.bases == "CCANNNNAC"
    assert found.changed.notes == (
        "4 of 9 bases are none of A, C, G and T in the genome (4 N) and are left out",
    )
    matrix = found.matrix(found.tracks["SAD"].identifiers[0])
    empty = np.isnan(matrix)
    assert empty[3:7].all()
    assert (empty[[0, 1, 2, 7, 8]].sum(axis=1) == 1).all()  # the genome's own base
    # Behind an N a deletion is spelled with the base behind it.
    assert "AC" in found.scores().query("pos == 305")["ref"].tolist()

    found = saturate("chr1:450-1000", policy_genome, model=tiny_model)
    length = len(found.bases)
    assert found.changed.notes == (
        f"{551 - length} bases of the region lie beyond the end of chr1",
        f"1 of {length} bases are none of A, C, G and T in the genome (1 R) and are left out",
    )
    assert not found.scores()["pos"].eq(451).any()


def test_deletions_in_a_row_of_equal_bases_and_at_an_end_are_one(tiny_model, tmp_path):
    genome = write_fasta(tmp_path / "g.fa", {"c": "AAAC" + "GTCA" * 40})
    found = saturate("c:1-5", genome, model=tiny_model, deletions=True)
    assert found.changed.changes == ("A", "C", "G", "T", "deletion")
    frame = found.scores()
    keys = frame.loc[frame["ref"].str.len() == 2, "key"].tolist()
    assert keys == ["c:1:AA:A"] * 3 + ["c:3:AC:A", "c:4:CG:C"]
    deleted = found.matrix(found.tracks["SAD"].identifiers[0])[:, 4]
    assert np.isfinite(deleted).all()
    assert deleted[0] == deleted[1] == deleted[2] != deleted[3]
    # The only base of a contig between N cannot be spelled as deleted, but can be changed.
    lone = write_fasta(tmp_path / "lone.fa", {"c": "NANNNNNN"})
    found = saturate("c:1-8", lone, model=tiny_model, deletions=True)
    assert found.scores()["alt"].tolist() == ["C", "G", "T"]


def test_a_planted_site_stands_out(site):
    effect = np.abs(means(site.matrix("CHIP_GATA1")))
    strongest = np.array(site.positions)[np.argsort(-effect)[:8]]
    assert SITE[0] <= strongest.min() <= strongest.max() <= SITE[1]
    outside = [not SITE[0] <= pos <= SITE[1] + 1 for pos in site.positions]
    assert effect[outside].max() < 0.1 * effect.max()
    assert site.strongest(1) != ["CHIP_GATA1"]  # groups come first
    assert np.nanmin(site.matrix("CHIP_GATA1")) < -20


def test_a_groups_matrix_is_the_mean_of_its_tracks(site):
    names = [name for name in site.tracks["SAD"].identifiers if name.startswith("CHIP_")]
    of_tracks = [name for name in names if "_m" not in name]
    assert len(of_tracks) == 7
    expected = np.mean([site.matrix(name) for name in of_tracks], axis=0, dtype=np.float64)
    np.testing.assert_allclose(site.matrix("CHIP_mean"), expected, rtol=1e-6, atol=1e-6)
    assert sorted(site.strongest(9)) == ["CAGE_mean", "CHIP_mean", "DNASE_mean"]


def test_the_strongest_track_has_the_largest_cell(tiny_model, policy_genome):
    found = saturate("chr1:100-110", policy_genome, model=tiny_model)
    sizes = {
        name: found.scores()[f"SAD_{name}"].abs().max()
        for name in found.tracks["SAD"].identifiers
    }
    assert found.strongest(5) == sorted(sizes, key=sizes.get, reverse=True)
    assert found.strongest(1) == found.strongest(5)[:1]


@pytest.fixture
def made(varscore, tiny_weights, policy_genome, tmp_path):
    """A function that runs the command; it gives exit code, stderr and the folder."""

    def run(*words, weights, out="out"):
        code, _, error = varscore(
            "saturate", "chr1:97-108", "--genome", policy_genome, "--model", weights,
            "--device", "cpu", "-o", tmp_path / out, *words,
        )  # fmt: skip
        return code, error, tmp_path / out

    return partial(run, weights=tiny_weights)


def test_the_folder(made):
    code, error, out = made("--deletions", "--statistics", "SAD,SAX")
    assert code == 0, error
    assert "48 rows (48 scored)" in error
    assert "2 of 2 are drawn: " in error
    names = [
        "contents.json",
        "matrix.parquet",
        "saturation.png",
        "scores.parquet",
        "scores.summary.json",
    ]
    assert sorted(path.name for path in out.iterdir()) == names
    scores = read_scores(out / "scores.parquet", None)
    frame = pd.read_parquet(out / "matrix.parquet")
    assert len(frame) == 2 * 2 * 12  # statistics, tracks, bases
    assert frame.columns.tolist() == [
        "statistic", "identifier", "description", "chrom", "pos", "ref",
        "A", "C", "G", "T", "deletion", "mean",
    ]  # fmt: skip
    for row in frame.itertuples():
        column = f"{row.statistic}_{row.identifier}"
        of_base = scores[(scores["pos"] == row.pos) & (scores["ref"] == row.ref)]
        expected = dict(zip(of_base["alt"], of_base[column], strict=True))
        assert set("ACGT") - set(expected) == {row.ref}
        assert np.isnan(getattr(row, row.ref))
        assert {alt: getattr(row, alt) for alt in expected} == expected
        assert row.mean == pytest.approx(np.mean(list(expected.values()), dtype=float))
        deleted = scores[(scores["pos"] == row.pos - 1) & (scores["ref"].str.len() == 2)]
        assert [row.deletion] == deleted[column].tolist()
    assert len(top(out / "scores.parquet", number=3)) == 3


def test_what_made_the_scores_can_be_told_and_repeated(made, varscore, monkeypatch):
    _, _, out = made("--deletions", "--around", "250,window")
    scores = pq.read_table(out / "scores.parquet")
    monkeypatch.chdir(out.parent)
    code, told, error = varscore("info", "out/scores.parquet")
    assert code == 0, error
    assert "scores of every change of chr1:97-108" in told
    words = shlex.split(told.split("The same again:")[1])[1:]
    assert words[:3] == ["saturate", "chr1:97-108", "--deletions"]
    model = words.index("--model") + 1
    words[model] = made.keywords["weights"]  # the record has its name alone
    assert varscore(*words, "--device", "cpu", "--force")[0] == 0
    assert pq.read_table(out / "scores.parquet").equals(scores)


def test_a_folder_appears_whole_and_is_replaced_when_asked(made):
    _, _, out = made()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    code, error, _ = made()
    assert (code, error) == (
        1,
        f"varscore: error: output {out}: exists; give another name, or --force to replace it\n",
    )
    assert made("--force")[0] == 0
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert before.keys() == after.keys()
    for name in before.keys() - {"scores.summary.json"}:  # which has the time that it took
        assert before[name] == after[name]
    assert made("--force", "--format", "svg")[0] == 0
    assert {path.name for path in out.glob("saturation.*")} == {"saturation.svg"}
    (out / "mine.txt").write_text("mine")
    code, error, _ = made("--force")
    assert code == 1
    assert "holds mine.txt" in error
    assert (out / "mine.txt").read_text() == "mine"


def test_what_the_command_refuses(made):
    for words, expected in (
        (("--panels", "13"), "panels: 13 is more than 12"),
        (("--format", "gif"), "format: 'gif' is none of"),
        (("--tracks", "nowhere=1"), "'nowhere' is no column"),
    ):
        code, error, out = made(*words)
        assert code == 1
        assert expected in error
        assert not out.exists()


def test_options_that_choose_or_add_rows_do_not_count(tiny_model, policy_genome):
    options = ScoreOptions(region="chr1:1-5", top_tracks=1)
    found = saturate("chr1:100-101", policy_genome, model=tiny_model, options=options)
    assert found.scores()["pos"].tolist() == [100] * 3 + [101] * 3
    with pytest.raises(TypeError, match="not both"):
        saturate("chr1:1-2", policy_genome, model=tiny_model, options=options, around=0)


def test_nothing_is_left_where_it_fails(tiny_model, policy_genome, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OutputError("no ink")

    monkeypatch.setattr("varscore.prediction.saturation.draw", broken)
    with pytest.raises(OutputError, match="no ink"):
        saturate("chr1:100-101", policy_genome, tmp_path / "out", model=tiny_model)
    assert sorted(tmp_path.iterdir()) == sorted(tmp_path.glob("policy.fa*"))
