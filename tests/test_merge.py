"""Joining shards: whole, in order, and the same as one run over the VCF."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from annotations import gtf_row
from warm_python import warm
from writers import provenance, write_fasta, write_vcf

import varscore.results.digest
import varscore.shards.merge
from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.engines.processor import Processor
from varscore.errors import GenomeError, OutputError
from varscore.inputs.genome import ReferenceGenome
from varscore.meaning.build import build_background
from varscore.models.tracks import TrackTable
from varscore.options import names
from varscore.results.table import VARIANT_COLUMNS, ScoreWriter
from varscore.scoring import Scorer
from varscore.shards.config import Settings
from varscore.shards.identity import Identities
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.proof import difference
from varscore.shards.score import ShardScorer, score_shard
from varscore.shards.shard import Shard, ShardPlan, scored_files

DATA = Path(__file__).parent / "data"
PROCESSOR = Processor.of(torch.device("cpu"))

# Sharding and threads change how variants meet in batches, and so the order of float32 sums:
# the README states this bound.
ABSOLUTE, RELATIVE = 1e-4, 1e-4


def score_all(folder, genome, model, **options):
    plan = ShardPlan.read(folder / "plan")
    (folder / "shards").mkdir(exist_ok=True)
    for entry, path in zip(plan.shards, scored_files(folder / "shards", plan), strict=True):
        score_shard(
            folder / "plan" / entry.file_name, genome, path, model=model, force=True,
            options=ScoreOptions(**options),
        )  # fmt: skip


@pytest.fixture(scope="module")
def policy(tmp_path_factory, small_model):
    """The policy file scored at once and in three shards, not to be changed."""
    folder = tmp_path_factory.mktemp("policy")
    genome = folder / "policy.fa"
    genome.write_bytes((DATA / "policy.fa").read_bytes())
    score_vcf(DATA / "policy.vcf", genome, folder / "whole.parquet", model=small_model)
    plan_shards(DATA / "policy.vcf", genome, folder / "plan", shards=3)
    score_all(folder, genome, small_model)
    return folder


@pytest.fixture
def copy(policy, tmp_path):
    return Path(shutil.copytree(policy, tmp_path / "copy"))


def assert_same(found, expected):
    """Other columns are the same; scores are within the bound, and null where they were."""
    columns = list(VARIANT_COLUMNS)
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    scores = expected.columns.drop(columns)
    np.testing.assert_allclose(
        found[scores].to_numpy(), expected[scores].to_numpy(), rtol=RELATIVE, atol=ABSOLUTE
    )


def test_shards_of_an_unsorted_vcf_come_back_in_its_order(policy, tmp_path):
    summary = merge_shards(policy / "plan", policy / "shards", tmp_path / "m.parquet")
    whole = pd.read_parquet(policy / "whole.parquet")
    assert_same(pd.read_parquet(tmp_path / "m.parquet"), whole)
    assert summary.rows == len(whole)
    assert summary.statuses == whole["status"].value_counts().to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["m.parquet"]


def test_a_merged_file_says_what_one_run_says(policy, tmp_path):
    merge_shards(policy / "plan", policy / "shards", tmp_path / "m.parquet")
    assert read_metadata(tmp_path / "m.parquet") == read_metadata(policy / "whole.parquet")
    schemas = [
        pq.read_schema(path).remove_metadata()  # a digest, of scores rounded otherwise, too
        for path in (tmp_path / "m.parquet", policy / "whole.parquet")
    ]
    assert schemas[0].equals(schemas[1], check_metadata=True)


def test_many_buckets_give_the_same_file_as_one(policy, tmp_path, monkeypatch):
    merge_shards(policy / "plan", policy / "shards", tmp_path / "one.parquet")
    monkeypatch.setattr(varscore.shards.merge, "_BUCKET_BYTES", 500)
    merge_shards(policy / "plan", policy / "shards", tmp_path / "many.parquet")
    one, many = ((tmp_path / f"{name}.parquet").read_bytes() for name in ("one", "many"))
    assert one == many


def test_genome_order_is_the_fastas_contigs_and_then_pos(policy, tmp_path):
    merge_shards(policy / "plan", policy / "shards", tmp_path / "m.parquet", order="genome")
    frame = pd.read_parquet(tmp_path / "m.parquet")
    whole = pd.read_parquet(policy / "whole.parquet")
    rank = {"chr1": 0, "1": 0, "2": 1, "chr2": 1, "chr3": 3}  # the others are names of MT
    whole["rank"] = whole["chrom"].map(rank).fillna(2)
    expected = whole.sort_values(["rank", "pos", "record", "allele"], ignore_index=True)
    assert_same(frame, expected.drop(columns="rank"))


@pytest.mark.parametrize("order", ["input", "genome"])
def test_contigs_in_another_order_than_the_genomes(order, policy, small_model, tmp_path):
    rows = [
        ("MT", 3, "mt", "T", "C"),
        ("2", 5, "first", "A", "T"),
        ("2", 6, "second", "C", "T"),
        ("chr1", 155, "one", "T", "C"),
    ]
    vcf = write_vcf(tmp_path / "v.vcf", rows)
    plan = plan_shards(vcf, policy / "policy.fa", tmp_path / "plan", shards=2)
    assert plan.in_input_order
    score_all(tmp_path, policy / "policy.fa", small_model)
    merge_shards(tmp_path / "plan", tmp_path / "shards", tmp_path / "m.parquet", order=order)
    expected = {
        "input": ["mt", "first", "second", "one"],
        "genome": ["one", "first", "second", "mt"],
    }
    assert pd.read_parquet(tmp_path / "m.parquet")["id"].tolist() == expected[order]


def test_a_dataset_reads_as_one(policy, tmp_path):
    merge_shards(policy / "plan", policy / "shards", tmp_path / "data", dataset=True)
    whole = pd.read_parquet(policy / "whole.parquet")
    assert_same(pd.read_parquet(tmp_path / "data"), whole)
    assert_same(read_scores(tmp_path / "data"), read_scores(policy / "whole.parquet"))
    with pytest.raises(OutputError, match="--force"):
        merge_shards(policy / "plan", policy / "shards", tmp_path / "data", dataset=True)


@pytest.mark.parametrize("dataset", [False, True])
@pytest.mark.parametrize("sorted_input", [False, True])
def test_row_groups_and_files_of_a_large_result(tmp_path, monkeypatch, dataset, sorted_input):
    """Synthetic numbers: the score of a row is its record's number, whatever its place."""
    records = 4_000
    genome = write_fasta(tmp_path / "g.fa", {"c": "ACGT" * 250})
    positions = [record % 1000 for record in range(records)]
    if sorted_input:
        positions.sort()
    rows = (("c", p + 1, "ACGT"[p % 4], "CGTA"[p % 4]) for p in positions)
    vcf = write_vcf(tmp_path / "v.vcf", rows)
    plan = plan_shards(vcf, genome, tmp_path / "plan", shards=3)
    assert plan.in_input_order is sorted_input
    (tmp_path / "shards").mkdir()
    tracks = TrackTable.unnamed(3)
    for entry, path in zip(plan.shards, scored_files(tmp_path / "shards", plan), strict=True):
        alleles = list(Shard.open(tmp_path / "plan" / entry.file_name).alleles())
        with ScoreWriter(path, ScoreOptions().measures, tracks, group_rows=700) as writer:
            numbers = np.array([allele.record for allele in alleles], np.float32)
            writer.write(alleles, np.tile(numbers[:, None, None], (1, 1, 3)))
            writer.commit(provenance())
    monkeypatch.setattr(varscore.shards.merge, "rows_per_group", lambda schema: 1024)
    out = tmp_path / "out"
    merge_shards(tmp_path / "plan", tmp_path / "shards", out, dataset=dataset)
    frame = pd.read_parquet(out, columns=["record", "SAD_track_0", "SAD_track_2"])
    for column in frame:
        assert (frame[column] == np.arange(records)).all()
    # 4,000 rows are three groups and a rest; a file for each of three shards has at least
    # 1,334 rows, so two whole groups, and the third has nothing left.
    files = sorted(out.iterdir()) if dataset else [out]
    groups = [pq.ParquetFile(file).metadata for file in files]
    sizes = [[m.row_group(g).num_rows for g in range(m.num_row_groups)] for m in groups]
    assert sizes == ([[1024, 1024], [1024, 928]] if dataset else [[1024, 1024, 1024, 928]])


@pytest.mark.parametrize("dataset", [False, True])
def test_what_killed_merges_left_is_removed(policy, tmp_path, dataset):
    with subprocess.Popen(["true"]) as ended:
        pass
    for name in ("m", "m.sorting"):
        host = socket.gethostname().replace(".", "-")
        left = tmp_path / f".{name}.{host}.{ended.pid}.0.partial"
        left.mkdir()
        (left / "0.arrow").write_text("half")
    merge_shards(policy / "plan", policy / "shards", tmp_path / "m", dataset=dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_missing_shard_is_named(copy):
    (copy / "shards" / "0002.parquet").unlink()
    with pytest.raises(OutputError, match=r"0002\.parquet: no such file; 1 of 3 shards"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")
    assert not (copy / "m.parquet").exists()


def test_a_cut_shard_is_named(copy):
    path = copy / "shards" / "0003.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match=r"0003\.parquet: not a whole Parquet file"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_a_shard_twice_is_not_taken_for_another(copy):
    shutil.copy(copy / "shards" / "0001.parquet", copy / "shards" / "0002.parquet")
    with pytest.raises(OutputError, match=r"0002\.parquet: its rows are not those of shard 2"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_a_shard_of_another_plan_is_refused(copy):
    plan_shards(
        DATA / "policy.vcf", copy / "policy.fa", copy / "plan", shards=3, force=True,
        max_allele_length=20,
    )  # fmt: skip
    with pytest.raises(OutputError, match="are not those of shard"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"statistics": ("D2",)}, "other options.*statistics"),
        ({"shifts": (0, 1)}, "other options.*shifts"),
        ({"tracks": "."}, "other options.*tracks"),
        ({"windows": "binned"}, "other options.*windows"),
        ({"indels": "trim"}, "other options.*indels"),
        ({"reverse_complement": True}, "other options.*reverse_complement"),
        ({"engine": "two-pass"}, "other options.*engine"),
        ({"precision": "mixed"}, "other options.*precision"),
    ],
)
def test_shards_made_otherwise_are_refused(copy, small_model, options, words):
    score_shard(
        copy / "plan" / "0002.parquet", copy / "policy.fa", copy / "shards" / "0002.parquet",
        model=small_model, force=True, options=ScoreOptions(**options),
    )  # fmt: skip
    with pytest.raises(OutputError, match=rf"0002\.parquet: was made with {words}"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def write_identity(folder, **config):
    """Write what the workflow writes of a configuration's step of scoring."""
    weights = DATA / "weights_keras" / "model.h5"
    config = {"vcf": "x.vcf", "genome": "x.fa", "out": "x", "model": str(weights), **config}
    text = Identities(Settings.read(config), lambda path: False).text("score")
    (folder / "score.identity.json").write_text(text)
    return folder / "score.identity.json"


def test_scores_made_as_asked_are_merged_whatever_the_spelling(copy):
    folders = copy / "plan", copy / "shards"
    merge_shards(*folders, copy / "m.parquet")
    for asked in ({}, {"statistics": "[SAD]", "shifts": 0, "device": "cuda", "shards": 99}):
        identity = write_identity(copy, **asked)
        merge_shards(*folders, copy / "again.parquet", identity=identity, force=True)
        assert (copy / "again.parquet").read_bytes() == (copy / "m.parquet").read_bytes()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"windows": "binned"}, "windows 'centred', not 'binned'"),
        ({"statistics": "SAD,D2"}, r"statistics \['SAD'\], not \['SAD', 'D2'\]"),
        ({"reverse_complement": True}, "reverse_complement False, not True"),
        ({"activation": "quick_gelu"}, "activation 'gelu_new', not 'quick_gelu'"),
        ({"precision": "mixed"}, "precision 'float32', not 'mixed'"),
        ({"model": "demo"}, "weights '"),
        ({"genes": str(DATA / "policy.vcf")}, "genes None, not '"),
        ({"background": str(DATA / "policy.vcf")}, "background None, not '"),
        ({"track_table": "tracks.tsv", "tracks": "b"}, r"tracks None, not \['b'\]"),
    ],
)
def test_scores_made_otherwise_than_asked_are_refused(copy, monkeypatch, asked, words):
    """Though all alike: those of another run that went on while this one was begun."""
    monkeypatch.chdir(copy)
    Path("tracks.tsv").write_text("identifier\na\nb\n")
    identity = write_identity(copy, **asked)
    with pytest.raises(OutputError, match=rf"0001\.parquet: was made with {words}"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet", identity=identity)
    assert not (copy / "m.parquet").exists()


def test_scores_of_another_version_than_asked_are_refused(copy):
    identity = write_identity(copy)
    facts = json.loads(identity.read_text())
    identity.write_text(json.dumps({**facts, "version": "0"}))
    with pytest.raises(OutputError, match=r"was made with version '.*', not '0' as is asked"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet", identity=identity)


def test_a_shard_of_other_weights_is_refused(copy, tmp_path):
    shutil.copytree(DATA / "weights_keras", tmp_path / "weights")
    with h5py.File(tmp_path / "weights" / "model.h5", "r+") as file:
        bias = file["model_weights/dense/dense/bias:0"]
        bias[...] = bias[...] + 1
    score_shard(
        copy / "plan" / "0002.parquet", copy / "policy.fa", copy / "shards" / "0002.parquet",
        model=tmp_path / "weights" / "model.h5", force=True,
    )  # fmt: skip
    with pytest.raises(OutputError, match=r"0002\.parquet: was made with other model.*sha256"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def edit_record(copy, number, change):
    """Change the record of a scored shard, given as a dictionary, in its file."""
    path = copy / "shards" / f"{number:04d}.parquet"
    facts = json.loads(pq.read_metadata(path).metadata[b"varscore"])
    change(facts)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"varscore": json.dumps(facts)}), path)


def computed(copy, number, **differently):
    """Have a shard computed differently, as on a machine of another kind."""
    edit_record(copy, number, lambda facts: facts["engine"].update(differently))


def test_shards_computed_differently_are_refused(copy):
    computed(copy, 1, processor="Alpha", differences="float32")
    computed(copy, 2, processor="Beta", differences="bfloat16")
    computed(copy, 3, processor="Gamma", differences="float32")
    with pytest.raises(OutputError) as refused:
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")
    assert str(refused.value) == (
        f"{copy / 'shards'}: shards were computed differently: shards 1, 3 on Alpha; Gamma "
        "with differences float32; shard 2 on Beta with differences bfloat16; score shard 2 "
        "again on a machine like that of the others, or all with --precision float32"
    )
    assert not (copy / "m.parquet").exists()


@pytest.mark.skipif(not PROCESSOR.bfloat16, reason="bfloat16 is not in this processor")
def test_a_machine_without_bfloat16_is_not_mixed_with_one_that_has_it(
    policy, small_model, tmp_path
):
    """oneDNN can be held to the instructions of an older machine, for a whole process."""
    genome, vcf = policy / "policy.fa", tmp_path / "v.vcf"
    write_vcf(vcf, [("chr1", 155, "T", "C"), ("chr1", 156, "G", "A")])
    plan_shards(vcf, genome, tmp_path / "plan", shards=2)
    older = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    (tmp_path / "shards").mkdir()
    for number, environment in ((1, os.environ), (2, older)):
        name = f"000{number}.parquet"
        subprocess.run(
            [
                warm("varscore"), "score", "--shard", tmp_path / "plan" / name,
                "-g", genome, "-o", tmp_path / "shards" / name, "--precision", "mixed",
                "--model", DATA / "weights_keras" / "model.h5", "--device", "cpu",
            ],
            check=True, env=environment, capture_output=True,
        )  # fmt: skip
    with pytest.raises(OutputError) as refused:
        merge_shards(tmp_path / "plan", tmp_path / "shards", tmp_path / "m.parquet")
    for words in (
        f"shard 1 on {PROCESSOR.name} with differences bfloat16",
        f"shard 2 on {PROCESSOR.name} with differences float32",
        "score shard 2 again on a machine like that of the others, or all with --precision",
    ):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kernel", "another"),
        ("reference_projection", "bfloat16"),
        ("filtered_trunk", None),
        ("device", "cuda"),
    ],
)
def test_any_difference_but_the_processors_is_refused(copy, name, value):
    usual = read_metadata(copy / "shards" / "0001.parquet")["engine"]
    value = not usual[name] if value is None else value
    computed(copy, 3, **{name: value})
    with pytest.raises(OutputError, match=f"shard 3 on .* with {name} {value}; score shard 3"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_equal_arithmetic_on_several_processors_is_one(copy):
    for number, processor in enumerate(("Beta", "Alpha", "Beta"), 1):
        computed(copy, number, processor=processor)
    usual = read_metadata(copy / "shards" / "0001.parquet")["engine"]
    merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")
    merged = read_metadata(copy / "m.parquet")["engine"]
    assert merged == {**usual, "processor": "Alpha; Beta"}


def test_a_part_that_was_computed_differently_is_scored_again(copy, small_model):
    shard = Shard.open(copy / "plan" / "0001.parquet")
    path = copy / "shards" / "0001.parquet"
    with ReferenceGenome(copy / "policy.fa") as genome:
        scorer = ShardScorer(Scorer(genome, small_model))
        computed(copy, 1, processor="Another, of the same kind")
        assert scorer.has_scored(shard, path)
        computed(copy, 1, kernel="another")
        assert not scorer.has_scored(shard, path)


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        ({"a": 1}, {"a": 2}, "a: 1 there, 2 here"),
        ({"a": 1, "b": 2}, {"a": 1}, "b: 2 there, none here"),
        ({"a": 1}, {"a": 1, "b": None}, "no b there, None here"),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, "a: c: 2 there, none here"),
        ({"a": [1]}, {"a": {}}, "a: [1] there, {} here"),
        ([1], [1, 2], "1 there, 2 here, or others"),
    ],
)
def test_the_first_difference_is_named(found, expected, words):
    assert difference(found, expected) == words


def test_a_shard_with_an_option_more_is_refused(copy):
    edit_record(copy, 2, lambda facts: facts["options"].update(width=3))
    with pytest.raises(OutputError, match=r"0002\.parquet: .*other options.*width: 3 there"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_a_shard_that_was_not_scored_is_refused(copy):
    shutil.copy(copy / "plan" / "0002.parquet", copy / "shards" / "0002.parquet")
    with pytest.raises(OutputError, match=r"0002\.parquet: a shard of a plan, not its scores"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_a_shard_that_was_scored_on_another_genome_is_refused(copy):
    """The genome, and with it the plan, changed after the shards were scored."""
    text = (copy / "policy.fa").read_text()
    (copy / "policy.fa").write_text(text.replace("ACACACGTTG", "ACACACGTTC", 1))
    plan_shards(DATA / "policy.vcf", copy / "policy.fa", copy / "plan", shards=3, force=True)
    with pytest.raises(OutputError, match=r"0001\.parquet: was scored on another genome.*chr1"):
        merge_shards(copy / "plan", copy / "shards", copy / "m.parquet")


def test_a_shard_is_not_scored_on_another_genome(copy, small_model):
    text = (copy / "policy.fa").read_text()
    (copy / "policy.fa").write_text(text.replace("ACACACGTTG", "ACACACGTTC", 1))
    with pytest.raises(GenomeError, match=r"made with another genome.*chr1.*other bases"):
        score_shard(
            copy / "plan" / "0001.parquet", copy / "policy.fa", copy / "x.parquet",
            model=small_model,
        )  # fmt: skip
    assert not (copy / "x.parquet").exists()


def test_what_determines_a_shards_scores_is_in_its_fingerprint(copy, small_model, monkeypatch):
    shard = Shard.open(copy / "plan" / "0001.parquet")
    options = {
        "statistics": ("D2",), "tracks": "track_1", "windows": "binned", "indels": "trim",
        "reverse_complement": True, "shifts": (0, 1), "engine": "two-pass",
        "precision": "mixed", "around": (250,), "genes": copy / "genes.gtf",
        "gene_bins": "body", "tss_width": 3, "groups": str(copy / "groups.tsv"),
        "top_tracks": 2, "keep_tracks": True, "background": copy / "background.parquet",
    }  # fmt: skip
    groups = copy / "groups.tsv"
    groups.write_text("track_1\tone\n")
    build_background([copy / "whole.parquet"], options["background"])
    row = gtf_row("chr1", "gene", 5, 9, "+", 'gene_id "a"')
    options["genes"].write_text(row)
    planned = set(names("planned"))  # the rows tell
    assert {field.name for field in dataclasses.fields(ScoreOptions)} == {*options, *planned}
    with ReferenceGenome(copy / "policy.fa") as genome:

        def fingerprint(model=small_model, shard=shard, **options):
            scorer = Scorer(genome, model, ScoreOptions(**options))
            return ShardScorer(scorer).fingerprint(shard)

        usual = fingerprint()
        assert fingerprint() == usual
        others = [fingerprint(**{name: value}) for name, value in options.items()]
        options["genes"].write_text(row.replace("9", "8"))
        others.append(fingerprint(genes=options["genes"]))
        groups.write_text("track_2\tone\n")
        others.append(fingerprint(groups=str(groups)))
        build_background([copy / "shards" / "0001.parquet"], options["background"], force=True)
        others.append(fingerprint(background=options["background"]))
        others.append(fingerprint(shard=Shard.open(copy / "plan" / "0002.parquet")))
        planned = shard.provenance
        elsewhere = dataclasses.replace(planned.genome, m5={"chr1": "0" * 32})
        planned = dataclasses.replace(planned, genome=elsewhere)
        others.append(fingerprint(shard=dataclasses.replace(shard, provenance=planned)))
        for key, value in (("sha256", "0" * 64), ("config", {"activation": "quick_gelu"})):
            metadata = small_model.metadata | {key: value}
            model = type(small_model)(small_model.network, small_model.tracks, metadata)
            others.append(fingerprint(model=model))
        scorer = ShardScorer(Scorer(genome, small_model))
        assert scorer.has_scored(shard, copy / "shards" / "0001.parquet")
        assert not scorer.has_scored(shard, copy / "shards" / "0002.parquet")
        assert not scorer.has_scored(shard, copy / "shards" / "absent.parquet")
        monkeypatch.setattr(varscore.results.digest, "__version__", "0")
        others.append(fingerprint())
        assert len({usual, *others}) == 1 + len(others)


@pytest.mark.parametrize("order", ["input", "genome"])
@pytest.mark.parametrize(
    ("rows", "shards"),
    [
        pytest.param([], 3, id="empty"),
        pytest.param([("chr1", 155, "T", "C"), ("chr1", 156, "G", "A")], 5, id="few"),
        pytest.param([("chr1", pos, "A", "*") for pos in (9, 5, 7)], 2, id="unscorable"),
        pytest.param(
            [("chr1", 155, "T", alt) for alt in ("C", "G", "TA", "A", "C")], 3, id="one place"
        ),
        pytest.param(
            [("MT", 3, "T", "C"), ("chr1", 156, "G", "A"), ("2", 5, "A", "T"),
             ("chr1", 155, "T", "C"), ("absent", 7, "A", "C"), ("MT", 3, "T", "G")],
            4, id="several contigs, unsorted",
        ),
    ],
)  # fmt: skip
def test_any_vcf_in_any_number_of_shards_gives_what_one_run_gives(
    policy, small_model, tmp_path, rows, shards, order
):
    vcf, genome = write_vcf(tmp_path / "v.vcf", rows), policy / "policy.fa"
    score_vcf(vcf, genome, tmp_path / "whole.parquet", model=small_model)
    plan_shards(vcf, genome, tmp_path / "plan", shards=shards)
    score_all(tmp_path, genome, small_model)
    summary = merge_shards(
        tmp_path / "plan", tmp_path / "shards", tmp_path / "m.parquet", order=order
    )
    found, whole = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("m", "whole"))
    if order == "genome":
        rank = {"chr1": 0, "2": 1, "MT": 2, "absent": 9}
        by = [whole["chrom"].map(rank), whole["pos"], whole["record"], whole["allele"]]
        whole = whole.iloc[np.lexsort(by[::-1])].reset_index(drop=True)
    assert_same(found, whole)
    assert summary.rows == len(rows)
    assert read_metadata(tmp_path / "m.parquet") == read_metadata(tmp_path / "whole.parquet")
