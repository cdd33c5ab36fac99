"""Examples of docstrings, and the commands and code of the README and the pages, hold.

They run in a folder that has real files under the names that they use: a VCF and a genome of
the demo, whose contigs are called as human ones, and in the place of the published model the
demo's weights, whose tracks are called as the examples' are. Single variants fit hg38, too, as
readers try them there: chr1:108230 is a C in both. Commands that fetch are left out, and those
that take a minute. The tutorial, whose commands build on each other, is followed in
`test_demo.py`; the pictures' are in `test_pictures_page.py`.
"""

import dataclasses
import doctest
import gzip
import importlib
import json
import pkgutil
import shutil

import pysam
import pytest
import typer.main
from annotations import synthetic_gtf
from pages import code_of, commands_of
from snakemake_runs import DEMO, ROOT
from writers import HEADER, write_phased

import varscore as package
from varscore.cli import app
from varscore.files.digest import sha256
from varscore.models.formats.hub import write_hub
from varscore.models.registry import load_model, read_checkpoint
from varscore.models.tracks import TrackTable

README = ROOT / "README.md"
ELSEWHERE = {"tutorial.md", "pictures.md"}
PAGES = sorted(
    path for path in (ROOT / "docs").glob("*.md")
    if path.name not in ELSEWHERE and commands_of(path)
)  # fmt: skip


def docstrings():
    """Return the docstrings of the package that have examples."""
    names = [found.name for found in pkgutil.walk_packages(package.__path__, "varscore.")]
    modules = [importlib.import_module(name) for name in names if "__main__" not in name]
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [found for module in modules for found in finder.find(module) if found.examples]


EXAMPLES = docstrings()


def human(line):
    """Return a line of the demo with its contigs called as the human ones."""
    return line.replace("chrA", "chr1").replace("chrB", "chr2")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with VCFs, a genome, genes, and a cache of models that has basenji2."""
    folder = tmp_path_factory.mktemp("files")
    records = [human(x) for x in DEMO["vcf"].read_text().splitlines(True) if x[0] != "#"]
    (folder / "my.vcf").write_text(HEADER + "".join(records[::50]))
    pysam.tabix_compress(str(folder / "my.vcf"), str(folder / "my.vcf.gz"))
    shutil.copy(folder / "my.vcf.gz", folder / "1000G.vcf.gz")
    phased = [line.split("\t") for line in records[:3]]
    rows = [(c, int(pos), ref, alt, "0|1", "1|1") for c, pos, _, ref, alt, *_ in phased]
    write_phased(folder / "phased.vcf", rows, samples=2)
    pysam.tabix_compress(str(folder / "phased.vcf"), str(folder / "phased.vcf.gz"))
    with gzip.open(DEMO["genome"], "rt") as genome:
        (folder / "hg38.fa").write_text("".join(map(human, genome)))
    genes = synthetic_gtf(folder / "gencode.gtf", "chr1", 60_000, 1)
    pysam.tabix_compress(str(genes), f"{genes}.gz")
    demo = read_checkpoint("demo")
    names = [f"T{number}" for number in range(demo.config.n_tracks - 1)]
    tracks = TrackTable.from_names(
        [*names, "ENCFF462ZLK"], [*names, "DNASE:right lobe of liver female adult (53 years)"]
    )
    model = folder / "cache" / "basenji2"
    model.parent.mkdir()
    write_hub(dataclasses.replace(demo, tracks=tracks), model)
    record = {"name": "basenji2", "sha256": sha256(model / "model.safetensors")}
    (model / "fetched.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def here(files, tmp_path, monkeypatch):
    """A copy of the folder that is the current one."""
    folder = shutil.copytree(files, tmp_path / "here")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VARSCORE_CACHE", str(folder / "cache"))
    return folder


def test_there_are_examples_and_none_is_skipped():
    assert len(EXAMPLES) >= 4
    assert not any(doctest.SKIP in e.options for found in EXAMPLES for e in found.examples)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda found: found.name)
def test_a_docstring_gives_what_it_says(example, here):
    said = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert said == []


def test_the_readmes_commands_and_code_run(varscore, here):
    commands = commands_of(README)
    assert [command[0] for command in commands] == [
        "model", "check", "score", "tracks", "tracks", "score", "score",
        "score", "background", "score", "background", "background", "top", "explain",
        "saturate", "report", "report", "explain", "profile", "predict", "annotate", "info",
        "verify", "haplotypes", "score",
    ]  # fmt: skip
    run(varscore, commands)
    code = code_of(README)
    assert len(code) >= 1
    names = {"dna": "ACGT" * (load_model("demo").config.window_length // 4)}
    for block in code:
        exec(compile(block, "README.md", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_pages_commands_run(page, varscore, here):
    shutil.copytree(here / "cache" / "basenji2", here / "basenji2")  # as if it had been fetched
    run(varscore, commands_of(page))
    assert code_of(page) == []  # if it has some, run it


def test_the_workflows_steps_by_hand_run(varscore, here):
    plan, score, merge = commands_of(ROOT / "workflow_config" / "README.md")
    run(varscore, [["2" if word == "100" else word for word in plan]])
    (here / "shards").mkdir()
    numbers = [path.stem for path in sorted((here / "plan").glob("*.parquet"))]
    assert len(numbers) == 2
    run(varscore, [[w.replace("0001", number) for w in score] for number in numbers])
    run(varscore, [merge])
    assert (here / "scores.parquet").exists()


def test_what_takes_a_minute_is_understood_at_least():
    for words in commands_of(ROOT / "varscore" / "engines" / "README.md"):
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            name, *words = words
            command = command.commands[name]
        assert command.make_context(name, words).params  # an unknown option is refused


def test_pages_with_commands_are_there():
    assert [page.name for page in PAGES] == ["own_vcf.md"]


def run(varscore, commands):
    """Run commands one after the other, but for those that fetch."""
    for command in commands:
        if command[:2] != ["model", "fetch"]:
            code, _, stderr = varscore(*command)
            assert code == 0, stderr
