"""Make the catalogue of tracks: what each track of the published model measures, and in what.

    python resources/catalogue/make_catalogue.py targets_human.txt

The published track table describes a track in a line such as ``CHIP:H3K27ac:liver female
adult (51 year)``. This script takes it apart by rules: those of ``tissues.tsv``, of which the
first that fits counts, and the lists of ``lines.py`` and ``targets.py``. It prints what it
could not tell.
"""

from __future__ import annotations

import argparse
import csv
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from lines import tissue_of_line
from targets import class_of, target_of

LOG = logging.getLogger(__name__)
HERE = Path(__file__).parent
CATALOGUE = HERE.parents[1] / "varscore" / "models" / "catalogue.tsv"


@dataclass(frozen=True)
class Description:
    """What a track's description says; what it does not say is empty."""

    assay: str
    kind: str
    target: str
    biosample: str
    tissue: str
    life_stage: str


HEADER = (
    "index", "identifier", "assay", "class", "target", "biosample", "tissue", "life_stage",
    "clip", "scale", "sum_stat", "description",
)  # fmt: skip

_KINDS = {"DNASE": "accessibility", "ATAC": "accessibility", "CAGE": "expression"}

# From the first of these on, ENCODE's text is about the donor and what was done to the cells.
_DONOR = re.compile(
    r" (?:(?:fe)?male|embryo|newborn|child|adult|NONE)\b.*| \S+ phase\b.*"
    r"| genetically modified .*| originated from .*| treated with .*"
)
_CAGE_NOTES = re.compile(
    r",? (?:pool|donation)\d*|,? (?:donor|biol_|tech_)\S*|, ENCODE\b.*| ENCODE\b.*| \([^)]*\)$"
    r"|,? diseased.*|,? (?:- )?(?:adult|fetal|newborn)(?=,|$)|,* *$"
)
_CAGE_CULTURE = re.compile(
    r" - (?:mock )?treated\b.*| after co-culture\b.*| untreated$"
    r"| 24h infection.*| infection, 24hr$| cells (?=mock treated|treated with Strep).*"
)
_STAGES = {
    "embryonic": r"\bembryo\b|\bfetal\b",
    "newborn": r"\bnewborn\b",
    "child": r"\bchild\b",
    "adult": r"\badult\b(?! T-cell)",
}

# One cell, one name, whichever of its spellings a description has.
_SPELLINGS = {
    "CACO-2": "Caco-2",
    "G-401": "G401",
    "HAP1": "HAP-1",
    "HL60": "HL-60",
    "HT-1080": "HT1080",
    "HelaS3": "HeLa-S3",
    "LNCAP": "LNCaP",
    "MCF7": "MCF-7",
    "RAJI": "Raji",
    "Smooth Muscle Cells - Umbilical artery": "Smooth Muscle Cells - Umbilical Artery",
    "Urothelial cells": "Urothelial Cells",
    "adipose": "adipose tissue",
    "bladder": "urinary bladder",
    "prostate": "prostate gland",
    "thyroid": "thyroid gland",
}


def describe(text: str) -> Description:
    """Take a description of the published table apart.

    Parameters
    ----------
    text : str
        ``DNASE:...``, ``ATAC:...``, ``CHIP:<target>:...`` or ``CAGE:...``.

    Returns
    -------
    Description

    Raises
    ------
    ValueError
        If it begins with none of these.
    """
    assay, _, rest = text.partition(":")
    kind, target = _KINDS.get(assay, ""), ""
    if assay == "CHIP":
        said, _, rest = rest.partition(":")
        target = target_of(said, rest)
        kind = class_of(target)
    elif not kind:
        raise ValueError(f"{text!r}: an assay that is not known")
    biosample, about = biosample_of(rest, cage=assay == "CAGE")
    tissue = tissue_of(biosample, about)
    return Description(assay, kind, target, biosample, tissue, stage_of(rest))


def biosample_of(sample: str, *, cage: bool) -> tuple[str, str]:
    """Return the tissue or cell that was measured, and the words that tell whose tissue it is.

    Parameters
    ----------
    sample : str
        A description without assay and target.
    cage : bool
        Whether it is one of FANTOM's, else of ENCODE or GEO.
    """
    if cage:
        about = sample
        while (plain := _CAGE_NOTES.sub("", _CAGE_CULTURE.sub("", about))) != about:
            about = plain  # one note stands behind another
        name = about.partition("cell line:")[2].strip() or about
    elif " / " in sample:  # of GEO: experiment / cell / what it is
        parts = sample.split(" / ")
        if re.match(r"BM\d{4}-", parts[0]):  # sorted from bone marrow, and named by the gate
            about, name = parts[1], parts[1] if parts[2] == "UNK" else parts[2]
        elif parts[0].startswith("anti-"):
            name = about = parts[-1]
        else:
            name = about = re.sub(r" cells\b.*", "", parts[1])
    else:
        name = about = _DONOR.sub("", sample)
    return _SPELLINGS.get(name, name), about


def tissue_of(biosample: str, about: str) -> str:
    """Return the group of organs or tissues that a biosample comes from, or ``other``."""
    known = _LINES.get(biosample.lower())
    if known:
        return known
    return next((tissue for tissue, pattern in _TISSUES if pattern.search(about)), "other")


def stage_of(sample: str) -> str:
    """Return the donors' stage of life; empty if the description says none or several."""
    if "cell line" in sample:
        return ""
    stages = [stage for stage, word in _STAGES.items() if re.search(word, sample)]
    return stages[0] if len(stages) == 1 else ""


def _read_tissues() -> Iterator[tuple[str, re.Pattern[str]]]:
    with open(HERE / "tissues.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["tissue"], re.compile(row["pattern"], re.IGNORECASE)


_TISSUES = tuple(_read_tissues())
_LINES = tissue_of_line()


def rows(table: Iterable[dict[str, str]]) -> Iterator[tuple[str, ...]]:
    """Return the rows of the catalogue for those of the published table."""
    for row in table:
        said = astuple(describe(row["description"]))
        yield (
            row["index"], row["identifier"], *said, row["clip"], row["scale"], row["sum_stat"],
            row["description"],
        )  # fmt: skip


def main() -> None:
    """Read the published table, write the catalogue, and print how much could be told."""
    parser = argparse.ArgumentParser(description="Make the catalogue of tracks.")
    parser.add_argument("table", type=Path, help="the published targets_human.txt")
    parser.add_argument("-o", "--output", type=Path, default=CATALOGUE)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with open(options.table, encoding="utf-8", newline="") as file:
        made = list(rows(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)))
    with open(options.output, "w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(row) + "\n" for row in (HEADER, *made))
    for name in ("assay", "class", "tissue", "life_stage"):
        counts = Counter(row[HEADER.index(name)] for row in made)
        LOG.info(
            "%s: %s",
            name,
            ", ".join(f"{value or '-'} {n}" for value, n in counts.most_common()),
        )
    unknown = sorted({row[-1] for row in made if row[6] == "other"})
    LOG.info("tissue other:\n  %s", "\n  ".join(unknown))


if __name__ == "__main__":
    main()
