"""The table of assemblies holds facts; contigs' lengths tell which assembly they are of."""

import re
from collections import defaultdict

import pytest

from varscore.inputs.assemblies import (
    ASSEMBLIES,
    identify,
    known_sequences,
    sequences_named,
    spelled_chromosome,
)


def chromosomes(assembly: str) -> dict[str, int]:
    """1 to Y of an assembly, without a mitochondrion."""
    return {
        s.plain: s.length
        for s in known_sequences()
        if s.assembly.name == assembly and s.role == "chromosome"
    }


# Sums over 1 to Y as the assemblies' own statistics give them, and how many these are.
@pytest.mark.parametrize(
    ("assembly", "count", "bases", "first"),
    [
        ("GRCh37", 24, 3_095_677_412, 249_250_621),
        ("GRCh38", 24, 3_088_269_832, 248_956_422),
        ("T2T-CHM13v2.0", 24, 3_117_275_501, 248_387_328),
        ("GRCm38", 21, 2_725_521_370, 195_471_971),
        ("GRCm39", 21, 2_723_414_844, 195_154_279),
    ],
)
def test_chromosomes_are_whole(assembly: str, count: int, bases: int, first: int) -> None:
    lengths = chromosomes(assembly)
    numbers = [str(n) for n in range(1, count - 1)]
    assert list(lengths) == [*numbers, "X", "Y"]
    assert (sum(lengths.values()), lengths["1"]) == (bases, first)


def test_accessions_name_the_same_bases_everywhere() -> None:
    lengths = defaultdict(set)
    for sequence in known_sequences():
        for accession in filter(None, (sequence.refseq, sequence.genbank)):
            lengths[accession].add((sequence.accession, sequence.length))
        assert re.fullmatch(r"(N[CTW]_\d{6,9}\.\d+)?", sequence.refseq)
        assert re.fullmatch(r"([A-Z]{1,2}\d{5,6}\.\d+)?", sequence.genbank)
    assert {accession: found for accession, found in lengths.items() if len(found) > 1} == {}


def test_names_are_unique_within_an_assembly() -> None:
    named = defaultdict(set)
    for sequence in known_sequences():
        for name in sequence.names:
            named[sequence.assembly, name].add(sequence.accession)
    assert {name for name, found in named.items() if len(found) > 1} == set()


def test_names_of_scaffolds_at_ucsc_hold_the_accession() -> None:
    """chr1_KI270706v1_random is KI270706.1; hg19 and mm10 leave the version out."""
    for sequence in known_sequences():
        if "_" in sequence.ucsc and "_hap" not in sequence.ucsc:
            root, version = sequence.genbank.split(".")
            versioned = sequence.assembly.ucsc not in ("hg19", "mm10")
            held = sequence.ucsc.split("_")[1]
            assert held == (f"{root}v{version}" if versioned else held)
            assert held.upper().removesuffix(f"V{version}") == root


@pytest.mark.parametrize(
    ("name", "ucsc", "plain", "length"),
    [
        ("NC_000001.10", "chr1", "1", 249_250_621),
        ("CM000663.2", "chr1", "1", 248_956_422),
        ("NC_060948.1", "chrY", "Y", 62_460_029),
        ("NC_001807.4", "chrM", "", 16_571),
        ("GL000250.1", "chr6_apd_hap1", "HSCHR6_MHC_APD_CTG1", 4_622_290),
        ("GL000250.2", "chr6_GL000250v2_alt", "HSCHR6_MHC_APD_CTG1", 4_672_374),
        ("KN196472.1", "chr1_KN196472v1_fix", "HG986_PATCH", 186_494),
        ("JH584304.1", "chrUn_JH584304", "MSCHRUN_CTG23", 114_452),
    ],
)
def test_known_sequences(name: str, ucsc: str, plain: str, length: int) -> None:
    found = sequences_named(name)[0]
    assert (found.ucsc, found.plain, found.length) == (ucsc, plain, length)


@pytest.mark.parametrize(
    ("name", "chromosome"),
    [
        *((name, "1") for name in ("1", "01", "chr1", "Chr1", "CHR1", "chr01")),
        *((name, "X") for name in ("X", "x", "chrX", "chrx", "CHRX", "0X")),
        *((name, "MT") for name in ("M", "MT", "mt", "chrM", "chrMT", "ChrMt", "0M")),
        *((name, "23") for name in ("23", "chr23")),
        *((name, None) for name in ("", "0", "chr", "100", "1A", "chrI", "chr1_random", "1\n")),
        *((name, None) for name in ("NC_000001.11", "²", "١", "chr 1", "MTx")),
    ],
)
def test_spelled_chromosome(name: str, chromosome: str | None) -> None:
    assert spelled_chromosome(name) == chromosome


STYLES = {
    "ucsc": lambda s: s.ucsc,
    "plain": lambda s: s.plain,
    "refseq": lambda s: s.refseq,
    "genbank": lambda s: s.genbank,
    "shouted": lambda s: s.ucsc.upper(),
    "zeros": lambda s: s.plain.rjust(2, "0"),
}


@pytest.mark.parametrize("assembly", ASSEMBLIES)
@pytest.mark.parametrize("style", STYLES)
def test_every_chromosome_identifies_its_assembly(assembly: str, style: str) -> None:
    known = [
        s for s in known_sequences() if s.assembly.name == assembly and s.role == "chromosome"
    ]
    lengths = {STYLES[style](s): s.length for s in known}
    assert identify(lengths).assembly is ASSEMBLIES[assembly]
    for name, length in lengths.items():
        assert identify({name: length}).assembly is ASSEMBLIES[assembly]
        assert identify({**lengths, name: length + 1}) is None


def test_names_of_assemblies() -> None:
    assert str(identify({"chr20": 64_444_167})) == "GRCh38 (hg38)"
    assert str(identify({"20": 63_025_520})) == "GRCh37 (hg19)"


@pytest.mark.parametrize(
    "lengths",
    [
        {},
        {"chr1": 30_000},
        {"scaffold_1": 249_250_621},  # a length says nothing without its name
        {"chr2": 249_250_621},
        {"chr1": 249_250_621, "chr2": 242_193_529},  # GRCh37 and GRCh38
        {"chr1": 249_250_621, "1": 248_956_422},
        {"chr1": 248_956_422, "chr23": 156_040_895},  # GRCh38 has no 23
        {"NC_000001.11": 249_250_621},  # an accession of GRCh38
        {"MT": 16_569},  # of three assemblies
        {"MT": 16_299},  # of two
    ],
)
def test_no_assembly(lengths: dict[str, int]) -> None:
    assert identify(lengths) is None


@pytest.mark.parametrize(
    ("mitochondria", "accessions"),
    [
        ({"chrM": 16_571}, ["NC_001807.4"]),
        ({"MT": 16_569}, ["J01415.2"]),
        ({"chrM": 16_569}, ["J01415.2"]),
        ({"chrM": 16_571, "chrMT": 16_569}, ["NC_001807.4", "J01415.2"]),
        ({"NC_012920.1": 16_569}, ["J01415.2"]),
        ({"chrM": 12_345}, []),
        ({}, []),
    ],
)
def test_mitochondria_of_hg19(mitochondria: dict[str, int], accessions: list[str]) -> None:
    for chromosome in ({"chr1": 249_250_621}, {"20": 63_025_520, "hs37d5": 35_477_943}):
        found = identify(chromosome | mitochondria)
        assert found.assembly.ucsc == "hg19"
        assert [s.accession for s in found.mitochondria] == accessions


def test_the_mitochondrion_of_hg19_is_enough() -> None:
    assert identify({"chrM": 16_571}).assembly.name == "GRCh37"


def test_other_contigs_do_not_count() -> None:
    lengths = {"chrUn_made_up": 5, "hs37d5": 1, "1": 195_471_971, "chrEBV": 3}
    assert identify(lengths).assembly.name == "GRCm38"
