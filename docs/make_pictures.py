"""Make the pictures of pictures.md: run its commands, keep each one's figure.

    python docs/make_pictures.py

Each picture has the name of the folder that the command above it makes. A test holds what the
commands draw against what is kept here.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parent
PAGE = DOCS / "pictures.md"
_COLOURS = 256  # as a palette a picture takes half of the space


def commands() -> dict[str, list[str]]:
    """Return the words of the page's commands, by the folder that each makes."""
    text = PAGE.read_text(encoding="utf-8")
    found = [
        shlex.split(line)[1:] for line in re.findall(r"^    varscore .*", text, re.MULTILINE)
    ]
    return {words[words.index("-o") + 1]: words for words in found}


def figure(folder: Path) -> Path:
    """Return the figure that a command made in its folder."""
    return sorted(folder.rglob("*.png"))[0]


def main() -> None:
    """Make all pictures anew."""
    with tempfile.TemporaryDirectory() as scratch:
        os.symlink(DOCS.parent / "resources", Path(scratch, "resources"))
        for name, words in commands().items():
            subprocess.run([sys.executable, "-m", "varscore", *words], cwd=scratch, check=True)
            with Image.open(figure(Path(scratch, name))) as image:
                few = image.convert("RGB").quantize(
                    _COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
                )
                few.save(DOCS / "pictures" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
