"""What determines a step of the workflow: content, never names, spellings or dates."""

import json
import os
import shutil
from pathlib import Path

import pytest

from varscore.options import OPTIONS, names
from varscore.shards.config import Settings
from varscore.shards.identity import STEPS, Identities, sample

DATA = Path(__file__).parent / "data"
DEMO = DATA.parents[1] / "resources" / "demo" / "demo.safetensors"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration whose files lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("policy.vcf", "policy.fa"):
        shutil.copy(DATA / name, tmp_path)
    return {"vcf": "policy.vcf", "genome": "policy.fa", "model": str(DEMO), "out": "out"}


def identities(config, *, made=(), reuse=False):
    return Identities(Settings.read(config), lambda path: path in made, reuse=reuse)


def found(config, **other):
    asked = identities({**config, **other})
    return {step: asked.name(step) for step in STEPS}


def write(config):
    """Write what the rule of the workflow writes."""
    asked = identities(config)
    Path("out", "plan").mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        Path("out", "plan", f"{asked.name(step)}.identity.json").write_text(asked.text(step))


def changed(config, **other):
    """Return the steps whose identity another configuration changes."""
    one, two = found(config), found(config, **other)
    return [step for step in STEPS if one[step] != two[step]]


def test_every_option_changes_the_step_that_it_decides(config):
    other = {
        "activation": "quick_gelu", "track_table": "t.txt", "tracks": ["CHIP_CTCF"],
        "statistics": ["D2"], "windows": "binned", "indels": "trim",
        "reverse_complement": True, "shifts": [0, -1], "engine": "two-pass",
        "precision": "mixed", "around": [0, "window"], "genes": "g.gtf", "gene_bins": "body",
        "tss_width": 5, "groups": "tissue", "top_tracks": 2, "keep_tracks": True,
        "background": "b.parquet", "region": "chr1", "regions": "r.bed", "swapped": "score",
        "max_allele_length": 9, "allow_ref_mismatches": True, "contigs": "c.txt",
        "strict": True, "params": "p.json",
    }  # fmt: skip
    assert set(other) == set(names("model", "scored", "planned")) - {"model"}
    for key in ("track_table", "genes", "background", "regions", "contigs", "params"):
        Path(other[key]).write_text("identifier\nCHIP_CTCF\n")
    for key, value in other.items():
        step = "plan" if OPTIONS[key].group == "planned" else "score"
        assert changed(config, **{key: value}) == [step], key
    assert changed(config, shards=5) == ["plan"]
    assert changed(config, order="genome") == changed(config, dataset=True) == ["merge"]
    run = {"device": "cuda", "threads": 9, "memory": 5, "memory_mb": 1, "runtime": 1, "gpu": 1}
    assert changed(config, **run) == []


@pytest.mark.parametrize(
    "key", ["track_table", "tracks", "genes", "groups", "background", "regions", "contigs"]
)
def test_files_count_by_their_content(config, key):
    step = "plan" if OPTIONS[key].group == "planned" else "score"
    table = "identifier\ttissue\nCHIP_CTCF\tblood\n"
    Path("a.tsv").write_text(table)
    config = {**config, key: "a.tsv"}
    before = found(config)
    shutil.copy("a.tsv", "b.tsv")
    assert changed(config, **{key: "b.tsv"}) == []
    Path("a.tsv").write_text(table + "\n")
    after = found(config)
    assert [name for name in STEPS if after[name] != before[name]] == [step]


def test_names_and_spellings_change_nothing(config):
    for name in ("policy.vcf", "policy.fa", DEMO):
        shutil.copy(name, f"other.{Path(name).name}")
    other = {"vcf": "other.policy.vcf", "genome": "other.policy.fa",
             "model": "other.demo.safetensors"}  # fmt: skip
    assert changed(config, **other) == []
    assert changed({**config, "model": "demo"}) == changed(config, model="demo") == []
    assert changed({**config, "statistics": "SAD,D2"}, statistics=["SAD", "D2"]) == []
    assert changed({**config, "statistics": "SAD,D2"}, statistics="D2,SAD") == ["score"]
    Path("t.txt").write_text("DNASE_K562\nCHIP_CTCF\n")
    chosen = {**config, "model": "demo", "tracks": "CHIP_CTCF,DNASE_K562"}
    for spelled in (["DNASE_K562", "CHIP_CTCF"], "DNASE_K562, CHIP_CTCF", "t.txt"):
        assert changed(chosen, tracks=spelled) == []
    assert changed(chosen, tracks="CHIP_CTCF") == ["score"]


@pytest.mark.parametrize("name", ["policy.vcf", "policy.fa"])
@pytest.mark.parametrize("date", [1e9, 4e9])
def test_other_content_is_noticed_whatever_its_date(config, name, date):
    write(config)
    before = found(config)
    os.utime(name, (date, date))
    assert found(config) == before
    Path(name).write_text(Path(name).read_text() + "\n")
    os.utime(name, (date, date))
    assert found(config)["plan"] != before["plan"]


def test_a_newer_file_is_read_in_full_and_an_older_one_by_a_sample(config):
    """A byte changes where no sample is taken."""
    genome = Path("policy.fa")
    bases = bytearray(b">a\n" + b"A" * 3_000_000)
    genome.write_bytes(bases)
    write(config)
    before, stat, seen = found(config), genome.stat(), sample(genome)
    bases[20_000] = ord("C")
    genome.write_bytes(bases)
    assert sample(genome) == seen
    os.utime(genome, (4e9, 4e9))
    assert found(config)["plan"] != before["plan"]
    os.utime(genome, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert found(config) == before


def test_a_sample_of_a_file_sees_its_size_and_both_ends(tmp_path):
    file, seen = tmp_path / "file", set()
    for change in (None, 0, 3_000_000, 2_999_999):
        bases = bytearray(b"A" * 3_000_000)
        if change is not None:
            bases[change : change + 1] = b"C"
        file.write_bytes(bases)
        seen.add(sample(file))
    assert len(seen) == 4


def test_the_version_is_part_of_every_identity(config, monkeypatch):
    before = found(config)
    monkeypatch.setattr("varscore.results.digest.__version__", "0")
    assert not set(before.values()) & set(found(config).values())


def test_what_another_rule_makes_is_known_by_its_date_alone(config):
    one = identities(config, made=["policy.vcf"]).name("plan")
    assert one != found(config)["plan"]
    Path("policy.vcf").unlink()
    assert identities(config, made=["policy.vcf"]).name("plan") == one


def test_a_jobs_own_snakemake_takes_what_is_there(config):
    write(config)
    before = found(config)
    Path("policy.vcf").write_text("other")
    assert found(config)["plan"] != before["plan"]
    asked = identities({**config, "statistics": "D2"}, reuse=True)
    assert {step: asked.name(step) for step in STEPS} == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"facts": 1}'])
def test_a_damaged_identity_is_none(config, text):
    before = found(config)
    write(config)
    for file in Path("out", "plan").iterdir():
        file.write_text(text)
        os.utime(file, (4e9, 4e9))
    assert found(config) == before


def test_an_identity_says_what_it_is_of(config):
    facts = json.loads(identities(config).text("score"))
    assert facts["facts"]["options"]["statistics"] == ["SAD"]
    assert list(facts["files"]) == ["weights"]
    assert facts["files"]["weights"]["size"] == DEMO.stat().st_size


def test_files_that_are_not_there_are_told_apart(config):
    assert changed(config, vcf="absent.vcf") == ["plan"]
    assert changed({**config, "vcf": "absent.vcf"}, vcf="another.vcf") == ["plan"]
