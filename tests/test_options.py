"""Options: described once, and all that is made from that or has to agree with it."""

import inspect
import json
import re
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import typer.main
import yaml

from varscore.cli import app
from varscore.engines import DEFAULT_MEMORY
from varscore.errors import OptionError
from varscore.models.basenji2 import ACTIVATIONS
from varscore.options import OPTIONS, ModelOptions, Option, RunOptions, ScoreOptions, names

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "resources" / "demo"
WEIGHTS = Path(__file__).parent / "data" / "weights_keras"
SCHEMA = yaml.safe_load((ROOT / "workflow_config" / "config.schema.yaml").read_text())
COMMANDS = typer.main.get_command(app).commands
SCORE = {parameter.name: parameter for parameter in COMMANDS["score"].params}


def test_what_each_option_decides():
    assert names("planned") == (
        "region", "regions", "max_allele_length", "allow_ref_mismatches", "swapped", "contigs",
        "strict",
    )  # fmt: skip
    assert names("scored") == (
        "statistics", "tracks", "around", "genes", "gene_bins", "tss_width", "groups",
        "top_tracks", "keep_tracks", "background", "windows", "indels", "reverse_complement",
        "shifts", "engine", "precision",
    )  # fmt: skip
    assert names("model") == ("model", "params", "activation", "track_table")
    assert names("run") == ("device", "threads", "memory")
    assert set(names("planned", "scored", "model", "run")) == set(OPTIONS)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("statistics", ["SAD", "D2"], ("SAD", "D2")),
        ("statistics", "SAD, D2,", ("SAD", "D2")),
        ("shifts", "0,-1", (0, -1)),
        ("shifts", np.array([0, 3]), (0, 3)),
        ("shifts", 3, (3,)),
        ("around", "250,window,1000,250", (250, "window", 1000)),
        ("around", 0, (0,)),
        ("around", [0, "window"], (0, "window")),
        ("tracks", "a,b", "a,b"),
        ("tracks", ["a", "b"], ("a", "b")),
        ("tracks", None, None),
        ("windows", "binned", "binned"),
        ("activation", None, None),
        ("max_allele_length", "20", 20),
        ("memory", "0.25", 0.25),
        ("memory", 3, 3.0),
        ("threads", None, None),
        ("params", Path("a.json"), Path("a.json")),
        ("reverse_complement", 1, True),
    ],
)
def test_a_value_is_kept_as(name, value, kept):
    found = OPTIONS[name].read(value)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("statistics", "SAD,SADD", "statistics: 'SADD' is none of SAD, logSAD, "),
        ("statistics", "", "statistics: none given; choose from SAD, "),
        ("statistics", 3, "statistics: 3 is not a list"),
        ("shifts", "0,a", "shifts: 'a' is not a whole number"),
        ("shifts", [0.5], "shifts: 0.5 is not a whole number"),
        ("shifts", [], "shifts: none given"),
        ("tracks", (), "tracks: none given"),
        ("around", "0,near", "around: 'near' is neither a whole number nor window"),
        ("around", "-1", "around: -1 is less than 0"),
        ("around", [0.5], "around: 0.5 is neither a whole number nor window"),
        ("windows", "centered", "windows: 'centered' is none of centred, binned"),
        ("windows", None, "windows: None is none of centred, binned"),
        ("windows", ["binned"], r"windows: \['binned'\] is none of centred, binned"),
        ("max_allele_length", 0, "max_allele_length: 0 is less than 1"),
        ("max_allele_length", "1e3", "max_allele_length: '1e3' is not a whole number"),
        ("threads", 0, "threads: 0 is less than 1"),
        ("threads", "9" * 400, "threads: 9+ is more than 1024"),
        ("threads", "9" * 9000, "threads: '9+' is not a whole number"),
        ("memory", "0.1", "memory: 0.1 is less than 0.25"),
        ("memory", "much", "memory: 'much' is not a number"),
        ("memory", "nan", "memory: 'nan' is not a number"),
        ("memory", float("inf"), "memory: inf is not a number"),
        ("reverse_complement", "no", "reverse_complement: 'no' is neither True nor False"),
    ],
)
def test_a_wrong_value_is_refused(name, value, message):
    with pytest.raises(OptionError, match=f"^{message}"):
        OPTIONS[name].read(value)


def test_measures_are_named_by_their_widths_where_there_are_several():
    def measures(**options):
        return [tuple(measure) for measure in ScoreOptions(**options).measures]

    assert measures() == [("SAD", "window", "SAD")]
    assert measures(around=1000) == [("SAD", 1000, "SAD")]
    assert measures(statistics="SAD,D2", around="250,window") == [
        ("SAD", 250, "SAD_250"),
        ("SAD", "window", "SAD"),
        ("D2", 250, "D2_250"),
        ("D2", "window", "D2"),
    ]


def test_options_read_their_values():
    assert ScoreOptions(statistics=["D2"], shifts="1,2").shifts == (1, 2)
    assert RunOptions(memory="0.5").memory_bytes == 2**29
    for group, wrong in (
        (ScoreOptions, {"shifts": [1, 1]}),
        (ScoreOptions, {"indels": "cut"}),
        (ModelOptions, {"activation": "relu"}),
        (RunOptions, {"device": "tpu"}),
    ):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            group(**wrong)


def test_an_engine_that_has_no_mixed_precision_refuses_it():
    with pytest.raises(OptionError, match="precision: 'mixed' is for the incremental engine"):
        ScoreOptions(engine="two-pass", precision="mixed")


def test_what_stands_elsewhere_too():
    assert set(OPTIONS["activation"].choices) == set(ACTIVATIONS)
    assert RunOptions().memory_bytes == DEFAULT_MEMORY


@pytest.mark.parametrize("group", [ModelOptions, ScoreOptions, RunOptions])
def test_docstrings_have_every_field(group):
    for name in inspect.signature(group).parameters:
        assert f"\n{name} : " in group.__doc__
        assert OPTIONS[name].help in group.__doc__


def commands():
    """Yield each command's words, its function and its parameters on the command line."""
    groups = [((), app, COMMANDS)]
    for group in app.registered_groups:
        groups.append(((group.name,), group.typer_instance, COMMANDS[group.name].commands))
    for words, found, made in groups:
        for command in found.registered_commands:
            name = command.name or command.callback.__name__
            yield [*words, name], command.callback, {p.name: p for p in made[name].params}


def test_every_command_takes_an_option_as_it_is_described():
    seen = set()
    for words, _, parameters in commands():
        for name in OPTIONS.keys() & parameters.keys():
            option, parameter = OPTIONS[name], parameters[name]
            if (*words, name) in {
                ("model", "random", "tracks"),
                ("model", "fetch", "track_table"),
                ("annotate", "tracks"),
                ("background", "apply", "background"),
            }:
                continue  # another thing: a number, whether to fetch, which to write; required
            if parameter.param_type_name == "argument":
                continue
            seen.add((words[-1], name))
            assert option.flag in parameter.opts
            if (words[-1], name) == ("report", "genes"):
                continue  # another thing: what is said of variants, not of which rows there are
            if name == "model" and words[-1] in ("check", "plan", "report"):
                assert parameter.default is None  # no model is looked for unasked
                continue
            assert option.help in parameter.help
            assert all(choice in parameter.help for choice in option.choices)
            default = option.default_text if option.is_list else option.default
            if (words[-1], name) == ("bench", "model"):
                default = "demo"
            assert parameter.default == default or (not default and not parameter.default)
    assert {name for command, name in seen if command == "score"} == set(OPTIONS)
    assert {name for command, name in seen if command == "check"} == set(OPTIONS)
    assert {name for command, name in seen if command == "plan"} == set(OPTIONS)


def test_help_shows_the_choices(varscore):
    text = varscore("score", "--help")[1]
    for option in OPTIONS.values():
        for choice in option.choices:
            assert choice in text


def limited():
    """Yield every option of every command that not any text may be the value of."""
    for words, callback, _ in commands():
        for name, hint in typing.get_type_hints(callback).items():
            option = Option(name, hint, None, "")
            if name in OPTIONS and OPTIONS[name].is_list:
                option = OPTIONS[name]
            if option.choices or option.number:
                yield pytest.param(words, option, id=" ".join([*words, option.flag]))


@pytest.mark.parametrize(("words", "option"), list(limited()))
def test_every_wrong_value_is_one_line_and_exit_code_1(words, option, varscore):
    rest = ["a.vcf", "--genome", "g"] if option.is_list else []
    rest += ["-o", "o"] if rest and words not in (["explain"], ["verify"]) else []
    code, out, error = varscore(*words, f"{option.flag}=no such value", *rest)
    assert (code, out) == (1, "")
    assert re.fullmatch(f"varscore: error: {option.name}: 'no such value' is .*\n", error)


def test_limited_options_are_many():
    assert len(list(limited())) > 30


@pytest.mark.parametrize("option", list(OPTIONS.values()), ids=list(OPTIONS))
def test_the_config_schema_agrees(option):
    facts = SCHEMA["properties"][option.name]
    kinds = facts.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    assert facts["description"].startswith(option.help)
    default = list(option.default) if option.is_list else option.default
    if option.name not in ("threads", "model"):  # a job has one; a run is told which
        assert facts["default"] == default
        assert (default is None) == (None in facts.get("enum", []) or "null" in kinds)
    if option.choices and not option.is_list:
        assert [choice for choice in facts["enum"] if choice is not None] == list(
            option.choices
        )
    elif option.is_list:
        assert {"string", "array"} <= set(kinds)
    elif option.number:
        assert kinds == ["integer" if option.number is int else "number"]
        assert (facts.get("minimum"), facts.get("maximum")) == (option.minimum, option.maximum)
    else:
        assert ("boolean" in kinds) == (option.hint is bool)


def table_row(readme, name):
    (row,) = re.findall(rf"^\| `{name}` \|.*$", (ROOT / readme).read_text(), re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize("option", list(OPTIONS.values()), ids=list(OPTIONS))
def test_the_readmes_agree(option):
    _, meaning, default = table_row("README.md", option.flag)
    assert default.replace("`", "") == option.default_text
    _, meaning_there, default_there, _ = table_row("workflow_config/README.md", option.name)
    if option.name not in ("threads", "model"):
        found = yaml.safe_load(re.match("`(.*?)`", default_there)[1])
        assert found == (list(option.default) if option.is_list else option.default)
    for choice in option.choices:
        if option.name != "statistics":  # they have a table of their own
            assert f"`{choice}`" in meaning
            assert f"`{choice}`" in meaning_there
        assert f"`{choice}`" in (ROOT / "README.md").read_text()


def test_the_readme_has_every_option_of_score():
    own = {"vcf", "shard", "genome", "output", "help"}  # these are in the table of commands
    for name in SCORE.keys() - own:
        assert table_row("README.md", "--" + name.replace("_", "-"))


# What is refused at once: arguments that replace those of a good command line or come to them,
# and words of the message.
REFUSED = {
    "a wrong choice": (["--engine", "x"], ["engine: 'x' is none of auto"]),
    "no number": (["--threads", "x"], ["threads: 'x' is not a whole number"]),
    "too small a number": (["--memory", "0.1"], ["memory: 0.1 is less than 0.25"]),
    "an unknown statistic": (["--statistics", "SAD,X"], ["statistics: 'X' is none of SAD"]),
    "shifts": (["--shifts", "0,x"], ["shifts: 'x' is not a whole number"]),
    "an unknown activation": (["--activation", "x"], ["activation: 'x' is none of gelu_new"]),
    "options that do not fit": (
        ["--engine", "two-pass", "--precision", "mixed"], ["precision: 'mixed' is for"],
    ),
    "an existing output": (["-o", "{tmp}/there"], ["there: exists", "--force"]),
    "no folder for the output": (["-o", "{tmp}/no/o"], ["no/o: cannot be written"]),
    "no VCF": (["{tmp}/no.vcf"], ["no.vcf: no such file"]),
    "no genome": (["--genome", "{tmp}/no.fa"], ["no.fa: no such file"]),
    "no model": (["--model", "{tmp}/no.h5"], ["no.h5: no such file or folder"]),
    "no params": (["--params", "{tmp}/no.json"], ["no.json: no such file"]),
    "no track table": (["--track-table", "{tmp}/no.txt"], ["no.txt: ", "No such file"]),
    "no regular expression": (["--tracks", "(("], ["'((' is no valid regular expression"]),
    "tracks of a file that is no text": (["--tracks", "{tmp}/program"], ["program", "as text"]),
    "a region that is not there": (["--region", "chrZ"], ["region 'chrZ'", "only chrA, chrB"]),
    "a region that is none": (["--region", "chrA:x"], ["region 'chrA:x' is not of the form"]),
}  # fmt: skip
GENOME = ["-g", "{demo}/genome.fa.gz"]
ALSO_REFUSED = {
    "bench": (["bench", "--tracks", "(("], "no valid regular expression"),
    "bench of no VCF": (["bench", "{tmp}/no.vcf", *GENOME], "no.vcf: no such file"),
    "plan": (["plan", "{tmp}/no.vcf", *GENOME, "-o", "{tmp}/p"], "no.vcf: no such file"),
    "no shard": (["score", "--shard", "{tmp}/1", *GENOME, "-o", "{tmp}/o"], "1: no such file"),
    "tracks": (["tracks", "--model", "{tmp}/no.h5"], "no.h5: no such file"),
    "tracks that match": (["tracks", "--model", "demo", "--match", "(("], "regular expression"),
    "info": (["model", "info", "{tmp}/no.h5"], "no.h5: no such file"),
    "convert": (["model", "convert", "demo", "{tmp}/there", "--to", "hub"], "there: it exists"),
    "convert of none": (["model", "convert", "{tmp}/no.h5", "{tmp}/n.h5"], "no.h5: no such"),
    "random": (["model", "random", "-o", "{tmp}/there"], "there: it exists"),
}
RUN_ALL = """
import io, json, sys
from contextlib import redirect_stderr
from varscore.cli import main
found = {}
for case, arguments in json.load(sys.stdin).items():
    sys.argv = ["varscore", *arguments]
    with redirect_stderr(io.StringIO()) as error:
        try:
            main()
        except SystemExit as exit:
            code = exit.code
    found[case] = [code, error.getvalue(), "torch" in sys.modules]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What is said to each, all in one process, and whether torch was imported by then.

    One worker runs the tests that have it, else each would run all these command lines.
    """
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "there").write_text("precious")
    (folder / "program").write_bytes(b"\x7fELF\xd0\xff")
    cases = {}
    for case, (changed, _) in REFUSED.items():
        changed = [word.format(tmp=folder) for word in changed]
        vcf = [] if changed[0].endswith(".vcf") else [str(DEMO / "demo.vcf")]
        usual = {"--genome": DEMO / "genome.fa.gz", "-o": folder / "o", "--model": "demo"}
        usual = [str(x) for key, value in usual.items() if key not in changed
                 for x in (key, value)]  # fmt: skip
        for command in ("score", "check"):
            cases[f"{command}: {case}"] = [command, *vcf, *usual, *changed]
    for case, (line, _) in ALSO_REFUSED.items():
        cases[case] = [word.format(tmp=folder, demo=DEMO) for word in line]
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL], input=json.dumps(cases), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.xdist_group("refusals")
@pytest.mark.parametrize("command", ["score", "check"])
@pytest.mark.parametrize("case", list(REFUSED))
def test_refused_before_torch_is_imported(case, command, refusals):
    code, error, with_torch = refusals[f"{command}: {case}"]
    assert code == 1
    assert re.fullmatch("varscore: error: .*\n", error)
    assert all(word in error for word in REFUSED[case][1])
    assert not with_torch


@pytest.mark.xdist_group("refusals")
@pytest.mark.parametrize("case", list(ALSO_REFUSED))
def test_other_commands_refuse_before_torch_is_imported(case, refusals):
    code, error, with_torch = refusals[case]
    assert code == 1
    assert re.fullmatch("varscore: error: .*\n", error)
    assert ALSO_REFUSED[case][1] in error
    assert not with_torch
