"""The record of how a table came about: written, read back by name, refused where damaged."""

import json
import string
from dataclasses import fields, replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from writers import provenance, write_vcf

from varscore import read_metadata, read_scores, score_vcf
from varscore.errors import OutputError
from varscore.options import names
from varscore.results.file import ResultReader
from varscore.results.provenance import (
    FORMAT,
    Arithmetic,
    GenomeRecord,
    Provenance,
    ShardEntry,
)
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard
from varscore.shards.shard import Shard, ShardPlan
from varscore.version import __version__

ENTRY = ShardEntry(3, 2, {"scored": 2}, (("chr1", 1), ("2", 1)), "f" * 64)

# What the README and the contract promise to users.
RESULT = {
    "format", "version", "model", "genome", "vcf", "options", "engine", "torch", "rows",
    "statuses",
    "reasons",
}  # fmt: skip
SCORED_SHARD = RESULT | {"shard", "fingerprint"}
PLANNED_SHARD = {
    "format",
    "version",
    "genome",
    "vcf",
    "options",
    "rows",
    "statuses",
    "reasons",
    "shard",
}
PLAN = PLANNED_SHARD - {"shard"} | {"in_input_order", "shards"}


@pytest.fixture
def result(tmp_path, policy_genome, small_model):
    """A result of one row."""
    vcf = write_vcf(tmp_path / "one.vcf", [("chr1", 155, "T", "C")])
    path = tmp_path / "x.parquet"
    score_vcf(vcf, policy_genome, path, model=small_model, engine="two-pass")
    return path


def edited(path, change):
    """Write a file again with a record that was changed, or with other text in its place."""
    text = pq.read_metadata(path).metadata[b"varscore"]
    if callable(change):
        facts = json.loads(text)
        change(facts)
        text = json.dumps(facts)
    else:
        text = change
    table = pq.read_table(path).replace_schema_metadata({"varscore": text})
    pq.write_table(table, path)
    return path


def test_a_record_is_read_back_as_it_was_written():
    for made in (
        provenance(),
        provenance(shard=ENTRY, fingerprint="0" * 64, rows=2, statuses={"scored": 2}),
        provenance(model=None, engine=None, torch=None, shard=ENTRY),
    ):
        text = json.dumps(made.to_json(), allow_nan=False)
        assert Provenance.from_json(json.loads(text), "x") == made


words = st.text(string.printable, max_size=5)
counts = st.integers(0, 2**63)


@given(
    genome=st.builds(
        GenomeRecord,
        words,
        st.dictionaries(words, counts, max_size=3),
        st.dictionaries(words, words, max_size=3),
    ),
    engine=st.none() | st.builds(Arithmetic, *[words] * 4, st.booleans(), words, words),
    shard=st.none()
    | st.builds(
        ShardEntry,
        counts,
        counts,
        st.dictionaries(words, counts, max_size=3),
        st.lists(st.tuples(words, counts), max_size=3).map(tuple),
        words,
    ),
    rows=counts,
)
def test_any_record_is_read_back(genome, engine, shard, rows):
    made = provenance(genome=genome, engine=engine, shard=shard, rows=rows)
    assert Provenance.from_json(json.loads(json.dumps(made.to_json())), "x") == made


def test_a_record_cannot_be_changed_after_it_was_made():
    with pytest.raises(AttributeError):
        provenance().rows = 1


# --- what each file says ------------------------------------------------------------------


def test_a_result_says_how_it_was_made(result, small_model):
    made = read_metadata(result)
    assert made.keys() == RESULT
    assert made["format"] == FORMAT
    assert made["version"] == __version__
    assert made["model"] == small_model.metadata
    assert made["genome"].keys() == {"file", "contigs", "m5"}
    assert made["engine"].keys() == {field.name for field in fields(Arithmetic)}
    assert made["engine"]["engine"] == "two-pass"
    assert made["engine"]["device"] == "cpu"
    assert made["statuses"] == {"scored": 1}
    with ResultReader(result) as reader:
        assert reader.provenance().to_json() == made


def test_plans_and_shards_say_what_they_can_know(policy_genome, small_model, tmp_path):
    rows = [("chr1", 155, "T", "C"), ("chr1", 156, "G", "*")]
    vcf = write_vcf(tmp_path / "my.vcf", rows)
    plan_shards(vcf, policy_genome, tmp_path / "plan", shards=1)
    facts = json.loads((tmp_path / "plan" / "plan.json").read_text())
    assert facts.keys() == PLAN
    assert facts["statuses"] == {"scored": 1, "spanning_deletion": 1}
    assert facts["options"].keys() == set(names("planned"))

    planned = tmp_path / "plan" / "0001.parquet"
    assert read_metadata(planned).keys() == PLANNED_SHARD
    score_shard(planned, policy_genome, tmp_path / "x.parquet", model=small_model)
    scored = read_metadata(tmp_path / "x.parquet")
    assert scored.keys() == SCORED_SHARD
    assert scored["shard"] == read_metadata(planned)["shard"] == facts["shards"][0]
    assert scored["genome"] == facts["genome"]
    assert scored["options"].items() >= facts["options"].items()


# --- damage -------------------------------------------------------------------------------


def test_a_later_format_is_refused(result):
    edited(result, lambda facts: facts.update(format=FORMAT + 1, surprise=1))
    for read in (read_metadata, read_scores):
        with pytest.raises(OutputError) as refused:
            read(result)
        assert str(refused.value) == (
            f"{result}: its record is of format {FORMAT + 1}, and this varscore "
            f"({__version__}) reads up to {FORMAT}; use the version that wrote it, or a newer "
            "one"
        )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "1", '"format"', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_what_is_no_record_is_refused(result, text):
    edited(result, text)
    for read in (read_metadata, read_scores, Shard.open):
        with pytest.raises(OutputError, match=r"x\.parquet: its record .* is damaged \("):
            read(result)


@pytest.mark.parametrize("found", [None, 0, -1, "1", 1.0, True, [1]])
def test_what_is_no_format_is_refused(result, found):
    edited(result, lambda facts: facts.update(format=found))
    with pytest.raises(OutputError, match=r"damaged \(it has no format, expected 1\)"):
        read_metadata(result)


@pytest.mark.parametrize(
    "name", sorted(RESULT - {"format", "version"} - {"model", "engine", "torch"})
)
def test_a_missing_field_is_named(result, name):
    edited(result, lambda facts: facts.pop(name))
    with (
        ResultReader(result) as reader,
        pytest.raises(OutputError, match=f"damaged .it has no field '{name}'"),
    ):
        reader.provenance()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rows": "3"}, "rows is '3', expected int"),
        ({"rows": 3.0}, "rows is 3.0, expected int"),
        ({"rows": True}, "rows is True, expected int"),
        ({"vcf": None}, "vcf is None, expected str"),
        ({"statuses": []}, r"statuses is \[\], expected an object"),
        ({"statuses": {"scored": "1"}}, "statuses.scored is '1', expected int"),
        ({"genome": "g.fa"}, "genome is 'g.fa', expected an object"),
        ({"genome": {"file": "g.fa", "contigs": {}}}, "genome has no field 'm5'"),
        ({"engine": {}}, "engine has no field 'engine'"),
        ({"engine": []}, r"engine is \[\], expected an object"),
        ({"surprise": 1}, "it has an unknown field 'surprise'"),
        ({"shard": {"contigs": [["chr1"]]}}, "shard has no field 'number'"),
    ],
)
def test_a_field_of_another_type_is_named(wrong, words):
    facts = {**provenance().to_json(), **wrong}
    with pytest.raises(OutputError, match=rf"x\.parquet: .*damaged \({words}"):
        Provenance.from_json(facts, "x.parquet")


def test_runs_of_contigs_are_pairs():
    facts = replace(provenance(), shard=ENTRY).to_json()
    for wrong in (["chr1"], [["chr1", 1, 2]], [["chr1", "1"]], {"chr1": 1}):
        facts["shard"]["contigs"] = wrong
        with pytest.raises(OutputError, match=r"damaged \(contigs is "):
            Provenance.from_json(facts, "x")


def test_a_plan_without_a_field_is_refused(policy_genome, tmp_path):
    vcf = write_vcf(tmp_path / "v.vcf", [])
    plan_shards(vcf, policy_genome, tmp_path / "plan", shards=2)
    path = tmp_path / "plan" / "plan.json"
    whole = json.loads(path.read_text())
    for name in PLAN - {"version"}:
        path.write_text(json.dumps({key: whole[key] for key in whole if key != name}))
        with pytest.raises(OutputError, match=rf"plan\.json: .*damaged .*no (field )?'?{name}"):
            ShardPlan.read(tmp_path / "plan")
