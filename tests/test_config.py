"""The workflow's configuration as people type it: taken as meant, or refused, with why."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from varscore.errors import OptionError
from varscore.files.shipped import shipped_folder
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.shards.config import KEYS, Settings
from varscore.shards.workflow import (
    own_words,
    plan_arguments,
    score_arguments,
    shard_names,
)

ROOT = Path(__file__).parents[1]
NEEDED = {"vcf": "my.vcf", "genome": "my.fa", "out": "out", "model": "demo"}
TABLE = re.findall(
    r"^\| `(\w+)` \|.*\| (.*?) \| `(.*?)` \|$",
    (ROOT / "workflow_config" / "README.md").read_text(),
    re.MULTILINE,
)


def typed(*words, **needed):
    """Read words of the command line as Snakemake does."""
    parse = pytest.importorskip("snakemake.cli", reason="Snakemake is not installed")
    words = [f"{key}={value}" for key, value in (NEEDED | needed).items()] + list(words)
    config = parse.parse_config(words)
    return Settings.read(config, own_words(config, words, config))


def of_file(text):
    """Read lines of a configuration file."""
    return Settings.read({**NEEDED, **yaml.safe_load(text)})


def test_every_example_of_the_readme_is_meant_alike_on_the_command_line_and_in_a_file():
    examples = {key: example for key, _, example in TABLE}
    assert set(examples) == set(KEYS)
    usual = typed()
    for key, example in examples.items():
        word = example.strip("'")  # a shell's quotes
        found = of_file(f"{key}: {example}")
        assert typed(f"{key}={word}") == found
        assert found != usual, key


def test_the_readme_has_every_default():
    required = [key for key, default, _ in TABLE if default == "required"]
    assert required == ["vcf", "genome", "out", "model"]
    for key, default, _ in TABLE:
        if key not in required:
            assert of_file(f"{key}: {default.split('`')[1]}") == Settings.read(NEEDED), key


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("statistics=[SAD,D2]", {"statistics": ("SAD", "D2")}),
        ("statistics=[SAD, D2]", {"statistics": ("SAD", "D2")}),
        ("statistics=SAD, D2", {"statistics": ("SAD", "D2")}),
        ("shifts=[0,1,-1]", {"shifts": (0, 1, -1)}),
        ("shifts=-1", {"shifts": (-1,)}),
        ("around=[250,window]", {"around": (250, "window")}),
        ("region=20:30-40", {"region": "20:30-40"}),
        ("region=1.10", {"region": "1.10"}),
        ('region="1.10"', {"region": "1.10"}),
        ("region=20", {"region": "20"}),
        ("region=Y", {"region": "Y"}),
        ("region=null", {"region": None}),
        ("region=", {"region": None}),
        ("model=1e5", {"model": "1e5"}),
        ("out=20240101", {"out": "20240101"}),
        ("out=2024_01", {"out": "2024_01"}),
        ("out=2024-01-01", {"out": "2024-01-01"}),
        ("out=a/", {"out": "a"}),
        ("out=./a//b/", {"out": "a/b"}),
        ("tracks=007", {"tracks": "007"}),
        ("tracks=1e3", {"tracks": "1e3"}),
        ("tracks=yes", {"tracks": "yes"}),
        ("tracks=CHIP #1", {"tracks": "CHIP #1"}),
        ("tracks=CHIP: adult", {"tracks": "CHIP: adult"}),
        ("tracks=CHIP_.{4}$", {"tracks": "CHIP_.{4}$"}),
        ("tracks=5' end", {"tracks": "5' end"}),
        ("tracks=[a,b]", {"tracks": ("a", "b")}),
        ("tracks=[CD]HIP", {"tracks": "[CD]HIP"}),
        ("tracks=tissue=liver & assay=DNASE", {"tracks": "tissue=liver & assay=DNASE"}),
        ("vcf=[a.vcf,b.vcf]", {"vcf": ("a.vcf", "b.vcf")}),
        ("vcf=a{1}.vcf", {"vcf": ("a{1}.vcf",)}),
        ("dataset=true", {"dataset": True}),
        ("dataset=False", {"dataset": False}),
        ("report=false", {"report": False}),
        ("reverse_complement=yes", {"reverse_complement": True}),
        ("reverse_complement=1", {"reverse_complement": True}),
        ("activation=null", {"activation": None}),
        ("shards=1e1", {"shards": 10}),
        ("shards=3.0", {"shards": 3}),
        ("memory=2.5", {"memory": 2.5}),
        ("max_allele_length=1e3", {"max_allele_length": 1000}),
    ],
)
def test_words_of_the_command_line_are_taken_as_typed(words, meant):
    found = typed(words)
    everything = {**vars(found), **found.options}
    everything["model"] = found.model.model
    assert {key: everything[key] for key in meant} == meant


def test_words_for_a_parent_workflow_are_none_of_a_modules():
    words, meant = ["out=1e3", "region=20:30", "samples=a"], {"out": 1000.0, "region": 1230}
    assert own_words({"out": "here", "region": 1230}, words, meant) == ["region=20:30"]
    assert own_words({}, None, {}) == []


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("statistics: [SAD, D2]", ScoreOptions(statistics=("SAD", "D2"))),
        ("shifts: [0, 1, -1]", ScoreOptions(shifts=(0, 1, -1))),
        ("shifts: 5", ScoreOptions(shifts=(5,))),
        ("region: 20", ScoreOptions(region="20")),
        ("region: 'chr1:5'", ScoreOptions(region="chr1:5")),
        ("tracks: ['007', b]", ScoreOptions(tracks=("007", "b"))),
        ("tracks: null", ScoreOptions()),
        ("tracks: ~", ScoreOptions()),
    ],
)
def test_lines_of_a_file_are_taken_as_meant(line, meant):
    assert of_file(line).score == meant


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("region: 20:30", r"region: YAML reads 1230 there, .*put the value into quotes"),
        ("region: 1.10", r"region: YAML reads 1\.1 there"),
        ("out: 20240101", r"out: YAML reads 20240101 there"),
        ("out: 2024_01", r"out: YAML reads 202401 there"),
        ("out: 2024-01-01", r"out: YAML reads datetime\.date\(2024, 1, 1\) there"),
        ("out: a{b}", r"out: 'a\{b\}' has braces"),
        ("tracks: 007", r"tracks: YAML reads 7 there"),
        ("tracks: yes", r"tracks: YAML reads True there"),
        ("tracks: [a, 7]", r"tracks: YAML reads 7 there"),
        ("tracks: {a: b}", r"tracks: YAML reads \{'a': 'b'\} there"),
        ("shards: true", r"shards: True is not a number"),
        ("shards: 2.5", r"shards: 2\.5 is not a whole number"),
        ("runtime: 2h", r"runtime: '2h' is not a whole number"),
        ("memory_mb: 8GB", r"memory_mb: '8GB' is not a whole number"),
        ("dataset: maybe", r"dataset: 'maybe' is neither true nor false"),
        ("statistics: SAD D2", r"statistics: 'SAD D2' is none of SAD,"),
        ("track: a", r"'track' is no key; nearest are tracks"),
        ("genome: null", r"genome is not given; set vcf, genome, out and model"),
    ],
)
def test_what_may_not_be_what_was_typed_is_refused(line, words):
    with pytest.raises(OptionError, match=words):
        of_file(line)


def test_home_is_expanded_in_every_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = ["vcf", "genome", "out", "model", "params", "track_table", "tracks", "genes",
            "groups", "background", "contigs", "regions"]  # fmt: skip
    found = Settings.read({key: f"~/{key}" for key in keys})
    everything = {**vars(found), **found.options, "model": found.model.model}
    assert everything["vcf"] == (str(tmp_path / "vcf"),)
    assert [everything[key] for key in keys[1:]] == [str(tmp_path / key) for key in keys[1:]]


def test_a_folder_has_one_spelling(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for out in ("a/b", "a/b/", "./a/b", tmp_path / "a" / "b", "a/../a/b"):
        assert typed(out=out).out == "a/b"
    assert typed(out="/elsewhere/a/").out == "/elsewhere/a"


def test_only_the_demos_own_vcf_is_scored_with_the_demos_model_unasked(tmp_path):
    config = {key: NEEDED[key] for key in ("genome", "out")}
    demo = shipped_folder("demo") / "demo.vcf"
    assert Settings.read({**config, "vcf": str(demo)}).model == ModelOptions(model="demo")
    shutil.copy(demo, tmp_path / "demo.vcf")
    for vcf in (str(tmp_path / "demo.vcf"), "absent.vcf", [str(demo), "absent.vcf"]):
        with pytest.raises(OptionError, match="model is not given; name one"):
            Settings.read({**config, "vcf": vcf})


def test_options_are_those_of_the_commands():
    found = typed("shards=12", "tracks=a b", "shifts=0,-1", "reverse_complement=true",
                  "region=chr1", "allow_ref_mismatches=true", vcf="a b.vcf")  # fmt: skip
    scored = (
        "--model=demo --statistics=SAD '--tracks=a b' --around=window --gene-bins=tss "
        "--tss-width=0 --top-tracks=0 --windows=centred --indels=stitch --reverse-complement "
        "--shifts=0,-1 --engine=auto --precision=float32"
    )
    assert score_arguments(found) == scored
    assert plan_arguments(found) == (
        f"'a b.vcf' --genome my.fa --shards 12 --no-forecast {scored} --region=chr1 "
        "--max-allele-length=1000 --allow-ref-mismatches --swapped=skip --memory=2"
    )
    assert shard_names(found)[8:10] == ["0009", "0010"]
    assert found.run == RunOptions(threads=1)
