"""``varscore model`` and ``varscore tracks`` as a user meets them."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from varscore.cli import model, tracks
from varscore.errors import ModelError, OptionError, OutputError
from varscore.models.formats.native import read_native
from varscore.models.registry import read_checkpoint

DATA = Path(__file__).parent / "data"
HUB = str(DATA / "weights_hub")
SMALL = {
    "window_length": 1024,
    "stem_channels": 4,
    "tower_channels": [4, 4],
    "num_blocks": 1,
    "block_channels": 4,
    "crop_bins": 8,
    "head_channels": 4,
}

app = typer.Typer()
app.command()(tracks.tracks)
app.add_typer(model.app, name="model")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VARSCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    return path


def run(*arguments):
    """Run a command line; what the library raises comes through, as to varscore's main."""
    outcome = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome


def test_list_says_what_is_there_and_how_to_get_the_rest():
    lines = dict(line.split("\t", 1) for line in run("model", "list").stdout.splitlines())
    assert set(lines) == {"demo", "basenji2"}
    assert lines["basenji2"] == "absent\tvarscore model fetch basenji2"


def test_info_in_words_and_in_json():
    words = run("model", "info", HUB).stdout.splitlines()
    facts = json.loads(run("model", "info", HUB, "--json").stdout)
    weights = read_checkpoint(HUB)
    assert facts["sha256"] == weights.metadata["sha256"]
    assert f"sha256: {facts['sha256']}" in words
    assert facts["activation"] == "gelu_new"
    # 16 * 4 * 15 + 18 * 16 * 5 + 20 * 18 * 5 + 24 * 20 * 5 + 28 * 24 * 5 + 32 * 28 * 5 +
    # 36 * 32 * 5 in the trunk, three blocks of 12 * 36 * 3 + 36 * 12, 40 * 36 in the head and
    # 7 * 40 + 7 at last; two numbers for each channel of a batch norm.
    trunk = 960 + 1440 + 1800 + 2400 + 3360 + 4480 + 5760
    norms = 2 * (16 + 18 + 20 + 24 + 28 + 32 + 36 + 3 * (12 + 36) + 40)
    assert facts["parameters"] == trunk + 3 * (1296 + 432) + 1440 + 287 + norms
    assert facts["architecture"]["tower_channels"] == [18, 20, 24, 28, 32, 36]
    assert facts["dilations"] == [1, 2, 3]


def test_info_of_keras_weights_takes_their_options():
    arguments = ["model", "info", DATA / "weights_keras" / "model.h5", "--json"]
    params = ["--params", DATA / "weights_keras" / "params.json"]
    facts = json.loads(run(*arguments, *params, "--activation", "quick_gelu").stdout)
    assert facts["activation"] == "quick_gelu"
    assert facts["activation_source"].startswith("option, in place of gelu_new (file)")


def test_convert_there_and_back(tmp_path):
    native, keras, hub = (tmp_path / name for name in ("a.safetensors", "b.h5", "c"))
    run("model", "convert", HUB, native)
    run("model", "convert", native, keras)
    run("model", "convert", keras, hub)
    assert (keras.with_name("params.json")).is_file()
    start, end = read_checkpoint(HUB), read_checkpoint(hub)
    assert end.config == start.config
    assert all((end.tensors[name] == start.tensors[name]).all() for name in start.tensors)


def test_convert_takes_names_and_activation_with_it(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("identifier\tdescription\n" + "".join(f"T{i}\tt {i}\n" for i in range(7)))
    native = tmp_path / "a.safetensors"
    options = ["--track-table", table, "--activation", "quick_gelu"]
    run("model", "convert", HUB, native, *options)
    checkpoint = read_native(native)
    assert checkpoint.config.activation == "quick_gelu"
    assert checkpoint.tracks.descriptions[6] == "t 6"


def test_nothing_is_overwritten_without_force(tmp_path):
    native = tmp_path / "a.safetensors"
    run("model", "convert", HUB, native)
    before = native.stat().st_mtime_ns
    with pytest.raises(OutputError, match="it exists; give --force to replace it"):
        run("model", "convert", HUB, native)
    with pytest.raises(OutputError, match="it exists; give --force"):
        run("model", "random", "-o", native)
    assert native.stat().st_mtime_ns == before
    (tmp_path / "targets.txt").write_text("of another model")
    with pytest.raises(OutputError, match=r"targets.txt: it exists; give --force"):
        run("model", "convert", HUB, tmp_path / "a.h5")
    run("model", "convert", HUB, native, "--force")
    assert native.stat().st_mtime_ns > before


def test_a_form_that_cannot_be_guessed_must_be_said(tmp_path):
    with pytest.raises(OptionError, match="its suffix tells no form; give --to"):
        run("model", "convert", HUB, tmp_path / "a.bin")
    run("model", "convert", HUB, tmp_path / "a.bin", "--to", "native")
    assert read_native(tmp_path / "a.bin").config.n_tracks == 7


def test_random_weights_say_what_they_are_wherever_they_are_used(tmp_path, config):
    path = tmp_path / "r.safetensors"
    made = run("model", "random", "-o", path, "--config", config, "--tracks", "2")
    copy = tmp_path / "copy"
    for outcome in (
        made,
        run("model", "info", path),
        run("tracks", "--model", path),
        run("model", "convert", path, copy),
        run("model", "info", copy),
    ):
        assert "random weights: it is for benchmarks only" in outcome.stderr
        assert "note:" not in outcome.stdout
    assert read_native(path).config.n_tracks == 2


def test_random_weights_need_an_architecture_that_fits(tmp_path, config):
    output = ["-o", tmp_path / "r.safetensors", "--config", config]
    with pytest.raises(OptionError, match="window_length 1000 is not a multiple"):
        run("model", "random", *output, "--window-length", "1000")
    least = "crop_bins 64 leaves no bin of 128, .* window_length is 16640"
    with pytest.raises(OptionError, match=least):  # 2 * 64 bins of 128 bases, and two more
        run("model", "random", *output[:2], "--window-length", "16384")
    config.write_text('{"stem": 3}')
    with pytest.raises(OptionError, match="'stem'"):
        run("model", "random", *output)
    assert not (tmp_path / "r.safetensors").exists()


def test_tracks_are_a_table_that_can_be_searched_and_read_again(tmp_path):
    table = tmp_path / "table.txt"
    rows = [f"ENC{i}\t{kind}" for i, kind in enumerate(["DNASE:a", "CHIP:b", "CAGE:c"] * 3)]
    table.write_text("identifier\tdescription\n" + "\n".join(rows[:7]) + "\n")
    options = ["--model", HUB, "--track-table", table]
    everything = run("tracks", *options).stdout.splitlines()
    assert everything[0] == "index\tidentifier\tdescription"
    assert len(everything) == 8
    assert run("tracks", *options, "--match", "DNASE|ENC5").stdout.splitlines()[1:] == [
        "0\tENC0\tDNASE:a",
        "3\tENC3\tDNASE:a",
        "5\tENC5\tCAGE:c",
        "6\tENC6\tDNASE:a",
    ]
    again = tmp_path / "again.txt"
    again.write_text("\n".join(everything) + "\n")
    assert (
        run("tracks", "--model", HUB, "--track-table", again).stdout.splitlines() == everything
    )
    with pytest.raises(OptionError, match="neither an identifier nor found"):
        run("tracks", *options, "--match", "RNA")


def test_tracks_without_names_are_numbered():
    assert run("tracks", "--model", HUB).stdout.splitlines()[-1] == "6\ttrack_6\ttrack_6"


def test_models_that_are_not_there_name_the_command():
    with pytest.raises(ModelError, match="varscore model fetch basenji2"):
        run("model", "info", "basenji2")
    with pytest.raises(ModelError, match="no known name"):
        run("model", "info", "nothing")


def test_a_fetched_folder_is_listed(tmp_path):
    folder = Path(shutil.copytree(HUB, tmp_path / "cache" / "basenji2"))
    assert "basenji2\tabsent" in run("model", "list").stdout
    (folder / "fetched.json").write_text("{}")
    assert f"basenji2\tpresent\t{folder}" in run("model", "list").stdout
