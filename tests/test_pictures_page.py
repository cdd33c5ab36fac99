"""The page of pictures: its commands draw what is kept beside it."""

import importlib.util
import re

import numpy as np
import pytest
from matplotlib.image import imread
from snakemake_runs import ROOT

DOCS = ROOT / "docs"
_SPEC = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
make_pictures = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make_pictures)
COMMANDS = make_pictures.commands()
PAGE = make_pictures.PAGE.read_text(encoding="utf-8")


def blocks(path):
    """Return the mean colours of squares of 8 pixels: edges of letters hardly count."""
    pixels = imread(path)[..., :3]
    height, width = (8 * (side // 8) for side in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_draws_its_picture(name, varscore, tmp_path, monkeypatch):
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    monkeypatch.chdir(tmp_path)
    code, _, error = varscore(*COMMANDS[name], "--device", "cpu")
    assert code == 0, error
    kept = blocks(DOCS / "pictures" / f"{name}.png")
    found = blocks(make_pictures.figure(tmp_path / name))
    assert found.shape == kept.shape
    assert np.abs(found - kept).max() < 0.1  # a cell of another colour is seen


def test_every_picture_is_shown_and_small():
    shown = re.findall(r"!\[[^]]{20,}\]\(pictures/(\w+)\.png\)", PAGE)
    kept = {path.stem: path.stat().st_size for path in (DOCS / "pictures").iterdir()}
    assert shown == list(COMMANDS)
    assert set(shown) == set(kept)
    assert max(kept.values()) < 150_000
    assert "docs/pictures.md" in (ROOT / "README.md").read_text(encoding="utf-8")
