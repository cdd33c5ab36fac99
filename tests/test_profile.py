"""Profiles of both alleles, held against scores and against windows cut by hand."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pybigtools
import pytest
import torch
from annotations import gtf_row
from writers import write_fasta, write_vcf

from varscore import predict_variant, read_scores, score_vcf
from varscore.errors import OutputError, VcfError
from varscore.results.bigwig import write_bigwigs
from varscore.results.folder import OutputFolder

CONTIG = "c"
LENGTH, WINDOW, BIN, CROP, BINS = 9000, 4096, 4, 16, 992  # of the contig, and of tiny_model
POS = 5001
PLACES = (POS, 700, LENGTH - 40)  # in the middle, and near either end


@pytest.fixture(scope="module")
def bases():
    letters = np.random.default_rng(3).choice(list("ACGT"), LENGTH).tolist()
    for pos in PLACES:
        letters[pos - 1 : pos + 5] = "ACGTGC"  # of which five cannot be deleted further left
    return "".join(letters)


@pytest.fixture(scope="module")
def genome(bases, tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("genome") / "g.fa", {CONTIG: bases})


def other(base):
    return "ACGT"["ACGT".index(base) - 1]


def variants(bases, pos=POS):
    """A variant of each kind, none of which can be written further left."""
    at = pos - 1
    one, two, six = bases[at], bases[at : at + 2], bases[at : at + 6]
    mnv = other(two[0]) + other(two[1])
    return {
        "SNV": f"{CONTIG}:{pos}:{one}:{other(one)}",
        "MNV": f"{CONTIG}:{pos}:{two}:{mnv}",
        "insertion": f"{CONTIG}:{pos}:{one}:{one}{other(one)}{other(one)}CA{other(one)}",
        "deletion": f"{CONTIG}:{pos}:{six}:{one}",
        "delins": f"{CONTIG}:{pos}:{two}:{mnv}{other(one)}",
    }


OPTIONS = {
    "plain": {},
    "both strands": {"reverse_complement": True},
    "shifts": {"shifts": (0, 3, -2), "reverse_complement": True},
    "binned": {"windows": "binned"},
    "trimmed": {"indels": "trim"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("pos", PLACES)
def test_the_sum_of_the_difference_is_the_sad(
    bases, genome, tiny_model, tmp_path, options, pos
):
    words = list(variants(bases, pos).values())
    score_vcf(words, genome, tmp_path / "s.parquet", model=tiny_model, **options)
    scores = read_scores(tmp_path / "s.parquet", "SAD")
    for word, (_, row) in zip(words, scores.iterrows(), strict=True):
        profile = predict_variant(word, genome, model=tiny_model, **options)
        sums = profile.difference.sum(axis=0, dtype=np.float64)
        expected = row[[f"SAD_{name}" for name in profile.tracks]].to_numpy(np.float64)
        np.testing.assert_allclose(sums, expected, rtol=1e-3, atol=2e-5)
        assert np.abs(sums).max() > 1e-4


def forward(model, windows):
    """Encode windows by hand and run the network."""
    letters = np.array([list(window) for window in windows])[:, None]
    rows = np.where(letters == "N", 0.25, letters == np.array(list("ACGT"))[:, None])
    with torch.no_grad():
        return model.network(torch.from_numpy(rows.astype(np.float32))).numpy()


def test_bins_of_a_substitution_are_those_of_windows_cut_by_hand(bases, genome, tiny_model):
    profile = predict_variant(variants(bases)["SNV"], genome, model=tiny_model)
    start = POS - 1 - (WINDOW // 2 - 1)
    changed = bases[: POS - 1] + profile.alt + bases[POS:]
    ref, alt = forward(
        tiny_model, [bases[start : start + WINDOW], changed[start : start + WINDOW]]
    )
    np.testing.assert_allclose(profile.reference, ref, rtol=1e-5)
    np.testing.assert_allclose(profile.alternate, alt, rtol=1e-5)
    assert profile.starts.tolist() == [start + BIN * bin for bin in range(CROP, CROP + BINS)]
    assert (profile.ends - profile.starts == BIN).all()
    assert profile.on_contig.all()


def test_an_indel_is_in_the_references_frame(bases, genome, tiny_model):
    """Bins up to the deletion's first base come from the window whose left is in register."""
    profile = predict_variant(variants(bases)["deletion"], genome, model=tiny_model)
    start = POS - 1 - (WINDOW // 2 - 1)
    changed = bases[:POS] + bases[POS + 5 :]
    left = changed[start : start + WINDOW]
    right = changed[start - 5 : start - 5 + WINDOW]
    first, second = forward(tiny_model, [left, right])
    seam = (WINDOW // 2 - 1) // BIN + 1 - CROP
    expected = np.concatenate([first[:seam], second[seam:]])
    np.testing.assert_allclose(profile.alternate, expected, rtol=1e-5)
    assert (profile.start, profile.end, profile.pos) == (POS - 1, POS + 5, POS)


def test_bins_beyond_the_contig_are_told_apart(bases, genome, tiny_model):
    """By hand: the window begins at 699 - 2047, so that its bins begin at -1348 + 64."""
    profile = predict_variant(variants(bases, 700)["SNV"], genome, model=tiny_model)
    assert profile.starts[0] == -1284
    assert profile.on_contig.tolist() == [False] * 321 + [True] * 671
    window = "N" * 1348 + bases[: WINDOW - 1348]
    (ref,) = forward(tiny_model, [window])
    np.testing.assert_allclose(profile.reference, ref, rtol=1e-5)


def test_near_bins(bases, genome, tiny_model):
    """Bins of 4 from 2953: REF, base 5000, is in 4997-5001, and 4990 in 4989-4993."""
    near = predict_variant(variants(bases)["SNV"], genome, model=tiny_model).around(10)
    assert (near.starts.tolist()[0], near.ends.tolist()[-1]) == (4989, 5013)
    assert len(near.reference) == len(near.difference) == 6


def test_a_swapped_allele_has_the_rows_direction(bases, genome, tiny_model):
    forwards = predict_variant(variants(bases)["SNV"], genome, model=tiny_model)
    word = f"{CONTIG}:{POS}:{forwards.alt}:{forwards.ref}"
    back = predict_variant(word, genome, model=tiny_model, swapped="score")
    assert back.key == word
    np.testing.assert_allclose(back.difference, -forwards.difference, rtol=1e-6)
    with pytest.raises(VcfError, match=r"status is ref_mismatch \(swapped\)"):
        predict_variant(word, genome, model=tiny_model)


def test_the_table_is_the_profile(bases, genome, tiny_model, tmp_path):
    profile = predict_variant(
        variants(bases)["SNV"], genome, model=tiny_model, tracks="track_1"
    )
    profile.write_parquet(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column_names == [
        "chrom", "start", "end",
        "reference_track_1", "alternate_track_1", "difference_track_1",
    ]  # fmt: skip
    assert set(table["chrom"].to_pylist()) == {CONTIG}
    assert table["start"].to_pylist() == profile.starts.tolist()
    for name in ("reference", "alternate", "difference"):
        np.testing.assert_array_equal(
            table[f"{name}_track_1"].to_numpy(), getattr(profile, name)[:, 0]
        )
    assert table.schema.field("difference_track_1").metadata[b"index"] == b"1"


def bigwig(path):
    """Return a bigWig's intervals, as another library than the one that wrote it reads them."""
    with pybigtools.open(str(path)) as file:
        assert file.chroms() == {CONTIG: LENGTH}
        return list(file.records(CONTIG))


@pytest.fixture(scope="module")
def vcf(bases, tmp_path_factory):
    """Two variants near the contig's start that can be predicted, and two that cannot."""
    words = list(variants(bases, 700).values())
    rows = [word.split(":") for word in (words[0], words[3])]
    path = tmp_path_factory.mktemp("vcf") / "in.vcf"
    last = (CONTIG, LENGTH + 9, "x", "A", "C")
    records = [(c, pos, "a/b", ref, alt) for c, pos, ref, alt in rows]
    return write_vcf(path, [records[0], (CONTIG, 9, "y", "A", "<DEL>"), *records[1:], last])


def test_files_of_a_vcf(varscore, vcf, genome, tiny_weights, tmp_path):
    out = tmp_path / "out"
    words = ("profile", vcf, "-g", genome, "--model", tiny_weights, "-o", out)
    code, _, stderr = varscore(*words, "--tracks", "track_1", "--format", "svg")
    assert code == 0
    assert "2 profiles, 2 alleles could not be predicted" in stderr
    listed = json.loads((out / "contents.json").read_text())
    folders = [one.get("folder") for one in listed["variants"]]
    assert folders == ["1_c_700_A_T", None, "3_c_700_ACGTGC_A", None]
    assert [one["status"] for one in listed["variants"]] == [
        "scored", "symbolic_allele", "scored", "outside_contig",
    ]  # fmt: skip
    for folder in filter(None, folders):
        table = pd.read_parquet(out / folder / "profile.parquet")
        on_contig = table[table["end"] > 0]
        assert len(on_contig) < len(table)
        starts = np.maximum(on_contig["start"], 0)
        for quantity in ("reference", "alternate", "difference"):
            found = bigwig(out / folder / f"track_1.{quantity}.bw")
            values = on_contig[f"{quantity}_track_1"]
            assert found == list(zip(starts, on_contig["end"], values, strict=True))
        assert (out / folder / "profile.svg").read_bytes().startswith(b"<?xml")
        files = {f"{folder}/{path.name}" for path in (out / folder).iterdir()}
        assert files == {name for name in listed["files"] if name.startswith(folder)}


def test_what_is_drawn_is_near_the_variant(varscore, bases, genome, tiny_weights, tmp_path):
    """The figure is of the bins within the zoom; table and bigWig files are of all."""
    word = variants(bases)["SNV"]
    genes = tmp_path / "g.gtf"
    genes.write_text(
        gtf_row(CONTIG, "exon", 4000, 4100, "+", 'gene_id "intron"; transcript_id "t"')
        + gtf_row(CONTIG, "exon", 6000, 6100, "+", 'gene_id "intron"; transcript_id "t"')
    )
    words = ("profile", word, "-g", genome, "--model", tiny_weights, "--format", "svg")
    sizes = {}
    for name, more in {"all": (), "near": ("--zoom", 50), "genes": ("--genes", genes)}.items():
        more = (*more, "--zoom", 50) if name == "genes" else more
        assert varscore(*words, *more, "-o", tmp_path / name)[0] == 0
        (folder,) = (path for path in (tmp_path / name).iterdir() if path.is_dir())
        sizes[name] = len((folder / "profile.svg").read_bytes())
        assert len(pd.read_parquet(folder / "profile.parquet")) == BINS
    assert sizes["near"] < sizes["genes"] < sizes["all"]


def test_a_folder_that_holds_other_files_is_not_replaced(
    varscore, bases, genome, tiny_weights, tmp_path
):
    out = tmp_path / "out"
    words = (
        "profile",
        variants(bases)["SNV"],
        "-g",
        genome,
        "--model",
        tiny_weights,
        "-o",
        out,
    )
    words = (*words, "--format", "none", "--tracks", "track_0")
    assert varscore(*words)[0] == 0
    before = sorted(out.rglob("*"))
    assert varscore(*words)[0] == 1
    assert varscore(*words, "--force")[0] == 0
    assert sorted(out.rglob("*")) == before
    (out / "mine.txt").write_text("x")
    code, _, stderr = varscore(*words, "--force")
    assert (code, (out / "mine.txt").read_text()) == (1, "x")
    assert "holds mine.txt, which its contents.json does not list" in stderr


def test_nothing_is_written_if_nothing_can_be_predicted(
    varscore, genome, tiny_weights, tmp_path
):
    words = ("profile", f"{CONTIG}:5:A:<DEL>", "-g", genome, "--model", tiny_weights)
    assert varscore(*words, "-o", tmp_path / "out")[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(bases, genome, tiny_model, small_disk, tmp_path):
    """A bigWig file that lacks its end is not taken for one that is whole."""
    table = tmp_path / "p.parquet"
    predict_variant(variants(bases)["SNV"], genome, model=tiny_model).write_parquet(table)
    failed = 0
    for kib in (4, 8, 12, 16, 64):
        out = small_disk(kib) / "out"
        try:
            with OutputFolder(out) as folder:
                paths = {"reference_track_0": folder.path / "x.bw"}
                write_bigwigs(table, paths, {CONTIG: LENGTH})
                folder.commit("x", {})
        except OutputError:
            failed += 1
            assert list(out.parent.iterdir()) == []
        else:
            assert len(bigwig(out / "x.bw")) == BINS
            shutil.rmtree(out)
    assert 1 <= failed < 5
