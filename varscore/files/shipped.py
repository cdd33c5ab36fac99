"""What comes along with the package: the demo, the workflow, numbers to check a machine by.

A clone has them in folders of its own. A wheel has them in the package's folder `data`, where
`setup.py` puts them, so that nothing stands twice.
"""

from __future__ import annotations

from pathlib import Path

PACKAGED = "data"
# By a name each: the folder in a clone, and the files in it.
SHIPPED: dict[str, tuple[str, tuple[str, ...]]] = {
    "demo": (
        "resources/demo",
        (
            "demo.vcf",
            "genome.fa.gz",
            "genome.fa.gz.fai",
            "genome.fa.gz.gzi",
            "demo.safetensors",
            "background.parquet",
            "truth.tsv",
        ),
    ),
    "workflow": (".", ("Snakefile", "workflow_config/**/*")),
    "golden": (
        "tests/data",
        (
            "oracle/variants.vcf",
            "oracle/genome.fa",
            "oracle/expected.npz",
            "weights_keras/model.h5",
            "weights_keras/params.json",
        ),
    ),
}


def shipped_folder(name: str) -> Path:
    """Return the folder of something that comes along.

    Parameters
    ----------
    name : {"demo", "workflow", "golden"}
    """
    package = Path(__file__).parents[1]
    packaged = package / PACKAGED / name
    return packaged if packaged.is_dir() else package.parent / SHIPPED[name][0]


def shipped_files(name: str) -> list[str]:
    """Return the names of its files, relative to `shipped_folder`.

    Parameters
    ----------
    name : {"demo", "workflow", "golden"}
    """
    folder = shipped_folder(name)
    found = {path for pattern in SHIPPED[name][1] for path in folder.glob(pattern)}
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())
