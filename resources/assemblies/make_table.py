"""Make the table of assemblies: what their sequences are called and how long they are.

    pip install --no-deps bioframe==0.8.0 bioutils==0.6.2
    python resources/assemblies/make_table.py

Two packages ship copies of what NCBI and UCSC publish: bioframe UCSC's names, bioutils NCBI's
assembly reports with every patch. This script joins them, derives the names of UCSC that
neither lists, and prints where the rule for these differs from a list that has them.
"""

from __future__ import annotations

import csv
import gzip
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

LOG = logging.getLogger(__name__)
TABLE = Path(__file__).parents[2] / "varscore" / "inputs" / "assemblies.tsv"

# Assembly, UCSC's name of it (bioframe's file), NCBI's reports in bioutils: where a later
# one has no RefSeq accession any more, the earlier one's is kept.
SOURCES = [
    ("GRCh37", "hg19", ["GRCh37", "GRCh37.p13"]),
    ("GRCh38", "hg38", ["GRCh38", "GRCh38.p14"]),
    ("T2T-CHM13v2.0", "hs1", ["T2T-CHM13v2.0"]),
    ("GRCm38", "mm10", []),
    ("GRCm39", "mm39", []),
]
ROLES = {
    "assembled-molecule": "chromosome",
    "unlocalized-scaffold": "unlocalized",
    "unplaced-scaffold": "unplaced",
    "alt-scaffold": "alt",
    "fix-patch": "fix",
    "novel-patch": "novel",
}
SUFFIXES = {
    "unlocalized": "_random",
    "unplaced": "",
    "alt": "_alt",
    "fix": "_fix",
    "novel": "_alt",
}


@dataclass(frozen=True)
class Sequence:
    """A row of the table; an empty name is one that the sequence has not, or none knows."""

    assembly: str
    role: str
    ucsc: str
    plain: str
    refseq: str
    genbank: str
    length: int


def package_data(package: str, *folders: str) -> Path:
    """Return the folder of an installed package's data, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed; see the first lines of this script")
    return Path(spec.submodule_search_locations[0]).joinpath(*folders)


def from_ucsc(assembly: str, ucsc: str) -> Iterator[Sequence]:
    """Give the sequences of a file of bioframe's.

    Its aliases are in no order: an accession is told by its form, and what is left is the
    name that NCBI and Ensembl use.
    """
    path = package_data("bioframe", "io", "data") / f"{ucsc}.seqinfo.tsv"
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            names = {"plain": "", "refseq": "", "genbank": ""}
            for alias in row["aliases"].split(","):
                names[_kind(alias)] = alias
            role = row["role"].replace("assembled", "chromosome")
            if row["name"] in ("chrM", "chrMT"):
                role = "mitochondrion"
            if row["name"] == "chrEBV":
                role = "decoy"
            yield Sequence(assembly, role, row["name"], **names, length=int(row["length"]))


def _kind(alias: str) -> str:
    if re.fullmatch(r"N[CTWZ]_\d+\.\d+", alias):
        return "refseq"
    return "genbank" if re.fullmatch(r"[A-Z]{1,2}\d{5,8}\.\d+", alias) else "plain"


def from_ncbi(assembly: str, report: str) -> Iterator[Sequence]:
    """Give the sequences of a report of bioutils's."""
    path = package_data("bioutils", "_data", "assemblies") / f"{report}.json.gz"
    for row in json.loads(gzip.decompress(path.read_bytes()))["sequences"]:
        role = ROLES[row["sequence_role"]]
        if row["name"] == "MT":
            role = "mitochondrion"
        (ucsc,) = row["aliases"] or [""]
        refseq = row["refseq_ac"].replace("na", "")
        names = (ucsc, row["name"], refseq, row["genbank_ac"])
        yield Sequence(assembly, role, *names, length=row["length"])


def ucsc_name(sequence: Sequence) -> str:
    """Derive UCSC's name of a scaffold from its chromosome, accession and role.

    The chromosome is the one that UCSC's name or NCBI's begins with; without one there is
    no such name. hg19's alternate haplotypes (chr6_apd_hap1) follow no rule.
    """
    accession, version = sequence.genbank.split(".")
    if sequence.assembly == "GRCh37":
        accession = accession.lower()
    elif sequence.assembly != "GRCm38":
        accession += f"v{version}"
    known = re.match(r"chr([^_]+)_|HSCHR(\d+|X|Y)", f"{sequence.ucsc}{sequence.plain}")
    chromosome = "Un" if sequence.role == "unplaced" else known and (known[1] or known[2])
    if not chromosome:
        return ""
    return f"chr{chromosome}_{accession}{SUFFIXES[sequence.role]}"


def join(assembly: str, ucsc: str, reports: list[str]) -> list[Sequence]:
    """Return an assembly's sequences: UCSC's in its order, then what only NCBI lists."""
    joined: dict[str, Sequence] = {}  # by GenBank accession; hg19's first chrM has none
    for sequence in from_ucsc(assembly, ucsc):
        joined[sequence.genbank] = sequence
    for report in reports:
        for sequence in from_ncbi(assembly, report):
            old = joined.setdefault(sequence.genbank, sequence)
            _compare(old, sequence)
            joined[sequence.genbank] = replace(old, refseq=old.refseq or sequence.refseq)
    for key, sequence in joined.items():
        if sequence.role not in SUFFIXES:
            continue
        derived = ucsc_name(sequence)
        if not sequence.ucsc:
            joined[key] = replace(sequence, ucsc=derived)
        elif sequence.ucsc != derived:
            LOG.info(f"{assembly}: the rule makes {derived} of {sequence.ucsc}")
    return _drop_doubtful(list(joined.values()))


def _drop_doubtful(sequences: list[Sequence]) -> list[Sequence]:
    """Leave out a RefSeq accession that a list has given to two sequences."""
    counts = Counter(sequence.refseq for sequence in sequences if sequence.refseq)
    for accession, count in counts.items():
        if count > 1:
            LOG.info(f"{sequences[0].assembly}: {accession} names {count} sequences: left out")
    return [
        replace(sequence, refseq="") if counts[sequence.refseq] > 1 else sequence
        for sequence in sequences
    ]


def _compare(old: Sequence, new: Sequence) -> None:
    for field in fields(Sequence):
        one, other = getattr(old, field.name), getattr(new, field.name)
        if one and other and one != other:
            LOG.info(
                f"{old.assembly}: {field.name} {one}, but NCBI's {other}: the former is taken"
            )


def main() -> None:
    """Write the table."""
    sequences = [sequence for source in SOURCES for sequence in join(*source)]
    with open(TABLE, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow([field.name for field in fields(Sequence)])
        table.writerows(astuple(sequence) for sequence in sequences)
    counts = Counter((s.assembly, s.role, "named" if s.ucsc else "no name") for s in sequences)
    for (assembly, role, named), count in counts.items():
        LOG.info(f"{count:5} {assembly} {role}, {named} at UCSC")
    packages = ", ".join(f"{name} {version(name)}" for name in ("bioframe", "bioutils"))
    LOG.info(f"{TABLE.name}: {len(sequences)} sequences, from {packages}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
