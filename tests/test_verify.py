"""`varscore verify` finds what was changed, and nothing in what was not; `varscore info`."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
from annotations import synthetic_gtf
from writers import write_vcf, write_weights

from varscore import load_model, score_vcf
from varscore.files.shipped import shipped_folder
from varscore.models.tracks import TrackTable
from varscore.results.file import ResultFile, ResultReader
from varscore.results.reading import read_provenance
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard
from varscore.support.again import SHARES
from varscore.support.verify import verify

DEMO = shipped_folder("demo")
KERAS = Path(__file__).parent / "data" / "weights_keras"
EVERY_STATISTIC = (
    "SAD,logSAD,sqrtSAD,SAX,D1,logD1,sqrtD1,D2,logD2,sqrtD2,logSED,JS,logJS,REF,ALT"
)


@pytest.fixture
def variants(oracle_genome, tmp_path):
    """Eight SNVs, a deletion, one that mismatches and one that has no alternate allele."""
    with pysam.FastaFile(str(oracle_genome)) as genome:
        bases = genome.fetch("inside").upper()
    places = range(9_000, 11_400, 300)
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    rows = [("inside", at + 1, bases[at], other[bases[at]]) for at in places]
    rows.append(("inside", 12_001, bases[12_000:12_003], bases[12_000]))
    rows.append(("inside", 12_501, other[bases[12_500]], bases[12_500]))
    rows.append(("inside", 12_601, bases[12_600], "."))
    return write_vcf(tmp_path / "my.vcf", rows)


@pytest.fixture
def make(variants, oracle_genome, tiny_model, tmp_path):
    """Return a function that scores them, with options."""

    def score(**options):
        path = tmp_path / "scores.parquet"
        options.setdefault("allow_ref_mismatches", True)
        score_vcf(variants, oracle_genome, path, model=tiny_model, force=True, **options)
        return path

    return score


@pytest.fixture
def check(oracle_genome, tiny_model):
    """Return a function that verifies a result and gives the differences found."""

    def run(path, **facts):
        facts = {"genome": oracle_genome, "model": tiny_model, "rows": 50, **facts}
        return verify(path, **facts).differences

    return run


def saved_by_pyarrow(path, change):
    """Write a table again, after a change, with the metadata that it came with."""
    pq.write_table(change(pq.read_table(path)), path)


def forged(path, change=lambda table: table, **facts):
    """Write a table again as varscore would, after a change: the digests are right."""
    with ResultReader(path) as reader:
        made = replace(reader.provenance(), **facts)
        table = change(pa.concat_tables(reader.groups()))
    with ResultFile(path, table.schema, force=True) as file:
        file.write(table)
        file.commit(replace(made, rows=table.num_rows, statuses=dict(counted(table))))


def counted(table):
    counts = table["status"].value_counts().to_pylist()
    return sorted((one["values"], one["counts"]) for one in counts)


def dropped(table):
    return pa.concat_tables([table.slice(0, 3), table.slice(4)])


def changed(name, value, row=2):
    def change(table):
        values = table[name].to_pylist()
        values[row] = value if not callable(value) else value(values[row])
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        return table.set_column(place, field, pa.array(values, field.type))

    return change


# --- what is as it should be --------------------------------------------------------------


def test_tracks_that_a_table_named_are_known_by_their_place(
    check, variants, oracle_genome, tiny_model, tmp_path
):
    names = [f"own{number}" for number in range(len(tiny_model.tracks))]
    named = replace(tiny_model, tracks=TrackTable.from_names(names, names))
    path = tmp_path / "scores.parquet"
    wanted = {"tracks": ("own1",), "allow_ref_mismatches": True}
    score_vcf(variants, oracle_genome, path, model=named, **wanted)
    assert check(path) == []
    forged(path, changed("SAD_own1", lambda score: score + 1))
    (said,) = check(path)
    assert "SAD_own1" in said


@pytest.mark.parametrize(
    "options",
    [
        {"statistics": EVERY_STATISTIC},
        {"statistics": "SAD,logSED", "around": "250,window", "tracks": "track_1"},
        {"groups": "groups.tsv", "top_tracks": 1},
        {"windows": "binned", "indels": "trim", "reverse_complement": True, "shifts": "0,1"},
        {"genes": "genes.gtf", "statistics": "logSED"},
        {"engine": "two-pass", "swapped": "score", "region": "inside:1-12550"},
        {"precision": "mixed"},
    ],
    ids=str,
)
def test_what_nobody_changed_is_as_it_should_be(
    options, make, check, variants, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "groups.tsv").write_text("track_0\ta\ntrack_1\ta\n")
    synthetic_gtf(tmp_path / "genes.gtf", "inside", 40_000, 1)
    path = make(**options)
    assert check(path) == []
    assert check(path, vcf=variants, rows=5, seed=3) == []


def test_results_in_pieces_are_as_they_should_be(
    make, check, variants, oracle_genome, tiny_model, tmp_path
):
    plan_shards(variants, oracle_genome, tmp_path / "plan", shards=3)
    (tmp_path / "shards").mkdir()
    for n in (1, 2, 3):
        names = [tmp_path / folder / f"000{n}.parquet" for folder in ("plan", "shards")]
        score_shard(names[0], oracle_genome, names[1], model=tiny_model)
    merge_shards(tmp_path / "plan", tmp_path / "shards", tmp_path / "set", dataset=True)
    for folder in ("shards", "set"):
        assert check(tmp_path / folder, vcf=variants) == []
    third = tmp_path / "shards" / "0003.parquet"
    forged(third, version="0.0.1")
    said = f"{third}: was made with another version than {third.with_name('0001.parquet')}"
    assert check(tmp_path / "shards") == [said]
    forged(third, version=read_provenance(third.with_name("0001.parquet")).version)
    third.with_name("0002.parquet").unlink()
    lost = check(tmp_path / "shards", vcf=variants)
    assert len(lost) in (3, 4)
    assert all("is an allele of my.vcf, and has no row" in line for line in lost)


def test_the_bases_of_every_shard_are_looked_at(check, oracle_genome, tiny_model, tmp_path):
    with pysam.FastaFile(str(oracle_genome)) as genome:
        bases = [genome.fetch(name).upper()[5_000] for name in ("left", "inside")]
    rows = [
        (name, 5_001, base, "A" if base != "A" else "C")
        for name, base in zip(("left", "inside"), bases, strict=True)
    ]
    vcf = write_vcf(tmp_path / "two.vcf", rows)
    plan_shards(vcf, oracle_genome, tmp_path / "plan", shards=2)
    (tmp_path / "shards").mkdir()
    for n in (1, 2):
        names = [tmp_path / folder / f"000{n}.parquet" for folder in ("plan", "shards")]
        score_shard(names[0], oracle_genome, names[1], model=tiny_model)
    assert check(tmp_path / "shards") == []
    text = oracle_genome.read_text()
    other = tmp_path / "other.fa"
    found = set()
    for name in ("left", "inside"):
        at = text.index("\n", text.index(f">{name}")) + 1
        flip = "A" if text[at].upper() != "A" else "C"
        other.write_text(text[:at] + flip + text[at + 1 :])
        found.add(check(tmp_path / "shards", genome=other)[0])
    assert found == {
        f"genome other.fa: contig {name} has other bases" for name in ("left", "inside")
    }


def test_a_score_may_differ_by_rounding_and_by_no_more(make, check):
    path = make(statistics="SAD,D1,REF")
    table = pq.read_table(path)
    sad, d1, ref = (table[f"{name}_track_0"][2].as_py() for name in ("SAD", "D1", "REF"))
    allowed = SHARES["float32"] * (abs(sad) + d1) + 1e-6 * ref + 1e-5
    for times, lines in ((0.9, 0), (1.1, 1)):
        forged(path, changed("SAD_track_0", sad + times * allowed))
        found = check(path)
        assert len(found) == lines
    assert re.fullmatch(
        r"record 2, allele 1 \(inside:.*\): SAD_track_0 is \S+, computed again \S+", found[0]
    )


# --- what was changed ---------------------------------------------------------------------


def test_a_changed_score_is_found_whichever_rows_are_computed_again(make, check):
    path = make()
    nine = np.float32(9)
    last_bit = changed("SAD_track_0", lambda value: np.nextafter(np.float32(value), nine))
    saved_by_pyarrow(path, last_bit)
    assert check(path, rows=0) == [
        f"{path}: a value, a column, its track or the order of rows was changed"
    ]
    path = make()
    saved_by_pyarrow(path, changed("SAD_track_0", 3.0))
    (_, again) = check(path)
    assert "SAD_track_0 is 3, computed again " in again


@pytest.mark.parametrize("name", [b"index", b"description", b"statistic"])
def test_what_is_said_of_a_column_is_part_of_what_was_written(name, make, check):
    """Such as of which track it is: values and names are as they were."""
    path = make()
    kept = pq.read_table(path)
    fields = [
        field.with_metadata({**field.metadata, name: b"7"}) if field.metadata else field
        for field in kept.schema
    ]
    schema = pa.schema(fields, metadata=kept.schema.metadata)
    pq.write_table(pa.table(kept.columns, schema=schema), path)
    first, *others = check(path, rows=0)
    assert first == f"{path}: a value, a column, its track or the order of rows was changed"
    if name == b"index":
        assert others[0] == (
            "track track_0: is said to be number 7 of the model's, which has 2 from 0"
        )
        assert others[-1].startswith("not computed again")
    else:
        assert others == []


def test_a_score_where_there_is_none_is_found(make, check):
    path = make()
    forged(path, changed("SAD_track_0", 0.0, row=9))
    (found,) = check(path)
    assert found.endswith("SAD_track_0 is 0, computed again null")


def test_a_dropped_row_is_found(make, check, variants):
    path = make()
    saved_by_pyarrow(path, dropped)
    assert check(path, rows=1) == [f"{path}: has 10 rows, and was written with 11"]
    path = make()
    forged(path, dropped)
    assert check(path, rows=1) == []  # nothing but the VCF knows of it
    (found,) = check(path, rows=1, vcf=variants)
    assert re.fullmatch(
        r"record 3, allele 1 \(inside:\d+:\w:\w\): is an allele of my\.vcf, and has no row",
        found,
    )


def test_other_rows_than_the_vcfs_are_found(make, check, variants):
    path = make()
    forged(path, lambda table: pa.concat_tables([table, table.slice(10)]))
    forged(path, changed("record", 11, row=11))
    forged(path, changed("id", "rs1", row=1))
    name, extra = check(path, vcf=variants, rows=0)
    assert name.endswith(": id is rs1 in the result, . by my.vcf")
    assert re.match(r"record 11, allele 1 .*: has a row, and is no allele of my\.vcf", extra)


def test_a_status_that_is_not_the_genomes_is_found(make, check):
    path = make()
    forged(path, changed("status", "too_long", row=10))
    (found,) = check(path)
    assert found.endswith("): status is too_long in the result, missing_alt by the genome")


def test_rows_in_another_order_are_found_but_for_the_genomes(make, check, variants):
    path = make()
    order = pa.array([*range(5, 11), *range(5)])
    saved_by_pyarrow(path, lambda table: table.take(order))
    assert len(check(path, rows=0)) == 1
    forged(path, lambda table: table)
    assert check(path, vcf=variants) == []


def test_another_genome_is_found(make, check, oracle_genome, tmp_path):
    path = make()
    text = oracle_genome.read_text()
    other = tmp_path / "other.fa"
    at = text.index(">inside") + 5_000
    flip = "A" if text[at] in "Cc\n" else "C"
    assert text[at] != "\n"
    other.write_text(text[:at] + flip + text[at + 1 :])
    assert check(path, genome=other) == [
        "genome other.fa: contig inside has other bases",
        "not computed again, as genome, model or options are others: scores",
    ]
    other.write_text(text.replace(">inside", ">elsewhere"))
    (tmp_path / "other.fa.fai").unlink()
    assert check(path, genome=other)[0] == "genome other.fa: has no contig inside"


def test_another_contigs_length_is_found(make, check, oracle_genome, tmp_path):
    path = make()
    other = tmp_path / "other.fa"
    other.write_text(oracle_genome.read_text() + ">more\nACGT\n")
    assert check(path, genome=other) == []  # the variants' contigs are the same
    other.write_text(oracle_genome.read_text().replace(">left", ">right"))
    (tmp_path / "other.fa.fai").unlink()
    assert re.fullmatch(
        r"genome other\.fa: contig left has [\d,]+ bases in the result's, none here",
        check(path, genome=other)[0],
    )


def test_another_model_is_found(make, check, tmp_path):
    path = make()
    other = load_model(write_weights(tmp_path / "other.safetensors", 2048))
    found = check(path, model=other)
    assert found[0].startswith("model random-0: its digest is ")


def test_a_model_that_is_known_by_name_need_not_be_given(varscore, tmp_path):
    path, genome = tmp_path / "x.parquet", DEMO / "genome.fa.gz"
    background = DEMO / "background.parquet"
    score_vcf(["chrA:4829:T:G"], genome, path, model="demo", background=background)
    code, out, _ = varscore("verify", path, "-g", genome)
    assert code == 0, out
    assert "model demo: the weights" in out


def test_another_option_is_found(make, check):
    path = make()
    assert check(path, options={"indels": "trim", "shifts": (0, 1)})[:2] == [
        "option indels: is stitch in the result, trim asked for",
        "option shifts: is 0 in the result, 0,1 asked for",
    ]
    assert check(path, options={"indels": "stitch"}) == []


@pytest.mark.parametrize(
    "option",
    [{"windows": "binned"}, {"indels": "trim"}, {"shifts": [5]}, {"reverse_complement": True}],
    ids=str,
)
def test_an_option_that_the_record_states_wrongly_is_found(option, make, check):
    path = make()
    made = read_provenance(path)
    facts = json.dumps(replace(made, options={**made.options, **option}).to_json())
    kept = pq.read_table(path)
    wrong = kept.replace_schema_metadata({**kept.schema.metadata, b"varscore": facts})
    pq.write_table(wrong, path)
    said, *again = check(path)
    assert said == f"{path}: what it says of how it was made was changed"
    assert again  # the scores are not those of that option
    make()
    forged(path, options={**made.options, **option})
    found = check(path)
    assert found
    assert all("computed again" in line or "more" in line for line in found)


def test_other_genes_are_found(make, check, tmp_path):
    genes = synthetic_gtf(tmp_path / "genes.gtf", "inside", 40_000, 1)
    path = make(genes=genes)
    moved = genes.rename(tmp_path / "moved.gtf")
    assert check(path, options={"genes": str(moved)}) == []
    moved.write_text(moved.read_text() + "\n")
    assert check(path, options={"genes": str(moved)})[0] == (
        f"option genes: {moved} is another file than the result's"
    )


# --- on the command line ------------------------------------------------------------------


def test_the_command_says_each_difference_in_a_line(
    make, varscore, oracle_genome, tiny_weights, variants
):
    path = make()
    words = ["verify", path, "-g", oracle_genome, "--model", tiny_weights, "--vcf", variants]
    code, out, _ = varscore(*words, "--rows", 3)
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == ["as it should be"] * 6
    saved_by_pyarrow(path, dropped)
    code, out, _ = varscore(*words, "--rows", 3)
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("differs: ")] == [
        f"differs: {path}: has 10 rows, and was written with 11",
        *[line for line in out.splitlines() if "record 3, allele 1" in line],
    ]
    code, out, _ = varscore(*words, "--shifts", "0,1")
    assert code == 1
    assert "differs: option shifts: is 0 in the result, 0,1 asked for\n" in out


def test_a_copy_saved_by_pandas_is_told_from_the_original(
    make, varscore, oracle_genome, tiny_weights
):
    path = make()
    pd.read_parquet(path).to_parquet(path)
    code, out, err = varscore("verify", path, "-g", oracle_genome, "--model", tiny_weights)
    assert (code, out) == (1, "")
    assert re.search(f"^varscore: error: {path}: a copy of a result that pandas saved", err)


def test_info_says_how_and_gives_the_command(make, varscore, variants, oracle_genome, tmp_path):
    path = make(statistics="SAD,D2", around="250")
    code, out, _ = varscore("info", path)
    assert code == 0
    *_, command = out.splitlines()
    assert "Scores are SAD, D2 of all tracks, over the bins within 250 bases of the" in out
    facts = json.loads(varscore("info", path, "--json")[1])
    assert facts["command"] == command.strip()
    assert facts["statuses"] == {"missing_alt": 1, "ref_mismatch": 1, "scored": 9}


def test_info_says_that_a_copy_has_other_rows_than_its_record(make, varscore, tmp_path):
    path, copy = make(), tmp_path / "copy.parquet"
    table = pq.read_table(path)
    for rows in (3, 2 * table.num_rows):
        pq.write_table(pa.concat_tables([table, table]).slice(0, rows), copy)
        out = varscore("info", copy)[1]
        assert f"copy.parquet is a copy with {rows} rows of a file with {table.num_rows}" in out
    assert "a copy with" not in varscore("info", path)[1]


def test_the_command_that_info_gives_makes_the_same_again(
    make, varscore, tiny_weights, tmp_path, monkeypatch
):
    path = make(statistics="SAD,D2", around="250")
    before = path.read_bytes()
    words = shlex.split(varscore("info", path)[1].splitlines()[-1])
    (tmp_path / "random-0.safetensors").write_bytes(tiny_weights.read_bytes())
    monkeypatch.chdir(tmp_path)
    path.unlink()
    code, _, err = varscore(*words[1:])
    assert code == 0, err
    assert path.read_bytes() == before


def test_files_of_a_model_are_in_the_command_that_info_gives(
    varscore, variants, oracle_genome, tiny_weights, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("identifier\tdescription\na\tA\nb\tB\n")
    for name, words in {
        "native": ["--model", tiny_weights, "--track-table", "t.txt"],
        "keras": ["--model", KERAS / "model.h5", "--params", KERAS / "params.json"],
    }.items():
        words = ["-g", oracle_genome, "--allow-ref-mismatches", *words]
        code, _, err = varscore("score", variants, "-o", f"{name}.parquet", *words)
        assert code == 0, err
        said = varscore("info", f"{name}.parquet")[1]
        repeated = shlex.split(said.splitlines()[-1])
        for flag in ("--track-table", "--params"):
            assert (flag in repeated) == (flag in words)
        assert ("t.txt names its tracks" in said) == ("--track-table" in words)
    # Weights that were converted have the table within.
    words = ["model", "convert", tiny_weights, "own.safetensors", "--track-table", "t.txt"]
    assert varscore(*words)[0] == 0
    own = load_model("own.safetensors", device="cpu")
    assert own.tracks.identifiers == ("a", "b")
    assert "track_table" not in own.metadata
