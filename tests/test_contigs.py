"""A VCF's names find the FASTA's contigs, however both are spelled, and never another one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varscore.errors import OptionError
from varscore.inputs.assemblies import ASSEMBLIES, Sequence, known_sequences, spelled_chromosome
from varscore.inputs.contigs import (
    ContigNames,
    Rule,
    believable_lengths,
    read_contig_table,
)

HG19 = {"chr1": 249_250_621, "chrX": 155_270_560, "chrM": 16_571}
B37 = {"1": 249_250_621, "X": 155_270_560, "MT": 16_569, "GL000191.1": 106_433}
HG38 = {"chr1": 248_956_422, "chr2": 242_193_529, "chrX": 156_040_895, "chrY": 57_227_415}
HG38 |= {"chrM": 16_569, "chr1_KI270706v1_random": 175_055, "chrUn_GL000218v1": 161_147}
REFSEQ38 = {"NC_000001.11": 248_956_422, "NC_000023.11": 156_040_895, "NC_012920.1": 16_569}
MM39 = {"chr1": 195_154_279, "chrX": 169_476_592, "chrM": 16_299}
TOY = {"chr1": 30_000, "chrX": 30_000, "chrY": 30_000, "chrM": 16_569}


def found(lengths: dict[str, int], names: str, **declared: int) -> dict[str, str | None]:
    contigs = ContigNames(lengths, declared=declared)
    return {name: contigs.match(name).contig for name in names.split()}


# What was mapped before there were lengths and assemblies, and has to stay.


@pytest.mark.parametrize(
    ("contigs", "names"),
    [
        (
            "chr1 chrX chrM",
            {"chr1": "chr1", "1": "chr1", "X": "chrX", "MT": "chrM", "M": "chrM"},
        ),
        (
            "1 X MT",
            {"1": "1", "chr1": "1", "chrX": "X", "M": "MT", "chrM": "MT", "chrMT": "MT"},
        ),
        ("1 chr1 M MT", {"1": "1", "chr1": "chr1", "M": "M", "MT": "MT", "chrM": "M"}),
        ("chr1", {"2": None, "chr11": None, "": None, "chr": None, "MT": None, "XY": None}),
        ("GL000192.1", {"GL000192.1": "GL000192.1", "chrGL000192.1": "GL000192.1"}),
        ("scaffold_1 chrSuper", {"chrscaffold_1": "scaffold_1", "Super": "chrSuper"}),
    ],
)
def test_with_or_without_chr(contigs: str, names: dict[str, str | None]) -> None:
    assert found(dict.fromkeys(contigs.split(), 4), " ".join(names)) == {
        name: contig for name, contig in names.items() if name
    }


@pytest.mark.parametrize(
    ("contigs", "names", "contig"),
    [
        ("chr1", "01 chr01 Chr1 CHR1 Chr01 CHR01", "chr1"),
        ("Chr1", "1 01 chr1 CHR1", "Chr1"),
        ("01", "1 chr1 Chr01", "01"),
        ("chrX", "x chrx CHRX 0X ChrX", "chrX"),
        ("chrM", "mt CHRMT chrMt 0M m", "chrM"),
        ("chr10", "10 CHR10 010", "chr10"),
        ("chr1", "10 11 chr10 1A I chr_1 1_random", None),
    ],
)
def test_other_spellings(contigs: str, names: str, contig: str | None) -> None:
    lengths = dict.fromkeys(contigs.split(), 4)
    assert found(lengths, names) == dict.fromkeys(names.split(), contig)


def test_the_likeliest_spelling_comes_first() -> None:
    lengths = {"1": 4, "chr1": 5, "CHR1": 6}
    assert found(lengths, "1 chr1 CHR1 01") == {
        "1": "1",
        "chr1": "chr1",
        "CHR1": "CHR1",
        "01": "1",
    }
    for length, contig in ((4, "1"), (5, "chr1"), (6, "CHR1"), (7, None)):  # lengths decide
        for name in ("1", "chr1", "Chr1"):
            assert found(lengths, name, **{name: length}) == {name: contig}


# Every spelling of every chromosome.

SPELLINGS: dict[str, Callable[[Sequence], str]] = {
    "ucsc": lambda s: s.ucsc,
    "plain": lambda s: s.plain,
    "chr and plain": lambda s: f"chr{s.plain}" if s.plain else "",
    "title": lambda s: f"Chr{s.chromosome}" if s.chromosome else "",
    "upper": lambda s: f"CHR{s.chromosome}" if s.chromosome else "",
    "zero": lambda s: s.chromosome.rjust(2, "0") if s.chromosome else "",
    "refseq": lambda s: s.refseq,
    "genbank": lambda s: s.genbank,
    "chr and genbank": lambda s: f"chr{s.genbank}" if s.genbank else "",
}


def assembly_of(name: str, *, mitochondrion: int | None = None) -> list[Sequence]:
    """The sequences of an assembly, with one of its mitochondria or all."""
    return [
        s
        for s in known_sequences()
        if s.assembly.name == name
        and (s.role != "mitochondrion" or mitochondrion in (None, s.length))
    ]


@pytest.mark.parametrize("assembly", ASSEMBLIES)
@pytest.mark.parametrize("there", ["ucsc", "plain", "title", "refseq", "genbank"])
@pytest.mark.parametrize("here", SPELLINGS)
def test_every_spelling_of_every_chromosome(assembly: str, there: str, here: str) -> None:
    """From each spelling to each: to the sequence's own length, whatever else is there."""
    known = assembly_of(assembly, mitochondrion=None if assembly != "GRCh37" else 16_569)
    fasta = {SPELLINGS[there](s): s for s in known if SPELLINGS[there](s)}
    contigs = ContigNames({name: s.length for name, s in fasta.items()})
    declared = {SPELLINGS[here](s): s.length for s in known if SPELLINGS[here](s)}
    sure = ContigNames(contigs.lengths, declared=declared)
    for sequence in known:
        name = SPELLINGS[here](sequence)
        if not name or sequence not in fasta.values():
            continue
        match = sure.match(name)
        assert match.contig is not None, match
        assert fasta[match.contig] == sequence
        assert match.why == ""
        assert contigs.match(name).contig == match.contig  # nothing hangs on ##contig lines


@pytest.mark.parametrize("vcf", ASSEMBLIES)
@pytest.mark.parametrize("fasta", ASSEMBLIES)
@pytest.mark.parametrize("here", ["plain", "refseq", "genbank", "chr and genbank", "ucsc"])
def test_no_name_of_one_assembly_finds_other_bases_in_another(
    vcf: str, fasta: str, here: str
) -> None:
    there = {s.ucsc: s for s in assembly_of(fasta) if s.ucsc}
    known = [s for s in assembly_of(vcf) if SPELLINGS[here](s)]
    contigs = ContigNames(
        {name: s.length for name, s in there.items()},
        declared={SPELLINGS[here](s): s.length for s in known},
    )
    same = {s.accession for s in there.values()}
    for sequence in known:
        contig = contigs.match(SPELLINGS[here](sequence)).contig
        if contig is None:
            continue
        assert there[contig].length == sequence.length
        if here in ("refseq", "genbank", "chr and genbank"):
            assert there[contig].accession == sequence.accession
    if here == "genbank":  # and what both have is found
        both = [s for s in known if s.accession in same]
        assert all(contigs.match(s.genbank).contig for s in both)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, int], list[str]]:
    """FASTA contigs, declared lengths, and names of a VCF, of any assemblies, right or not."""
    known = st.sampled_from(known_sequences())
    spelling = st.sampled_from(list(SPELLINGS.values()))
    lengths = {}
    for sequence, spell in draw(st.lists(st.tuples(known, spelling), max_size=8)):
        if name := spell(sequence):
            lengths[name] = draw(st.sampled_from([sequence.length, sequence.length + 1, 4]))
    names = draw(st.lists(st.tuples(known, spelling), max_size=8))
    declared = {}
    for sequence, spell in names:
        if draw(st.booleans()) and (name := spell(sequence)):
            declared[name] = draw(st.sampled_from([sequence.length, 4, 16_569, 16_571]))
    codes = ["23", "24", "25", "26", "XY", "01", "chr23", "M", "MT", "chrMT"]
    asked = [spell(sequence) for sequence, spell in names]
    return lengths, declared, [*filter(None, asked), *codes, *lengths]


BY_ACCESSION = {name: s.length for s in known_sequences() for name in (s.refseq, s.genbank)}


@settings(max_examples=200, deadline=None)
@given(cases())
def test_never_a_contig_of_another_length(
    case: tuple[dict[str, int], dict[str, int], list[str]],
) -> None:
    lengths, declared, names = case
    contigs = ContigNames(lengths, declared=declared)
    for name in names:
        match = contigs.match(name)
        assert (match.contig is None) == bool(match.why) == (match.rule is None)
        if match.contig is None:
            assert name not in lengths or declared.get(name, lengths[name]) != lengths[name]
            continue
        length = lengths[match.contig]
        assert declared.get(name, length) == length
        if match.rule is not Rule.SAME and match.rule is not Rule.PREFIX:
            assert BY_ACCESSION.get(name, length) == length
            assert BY_ACCESSION.get(match.contig, length) == length


# PLINK.


def test_plink_codes() -> None:
    """As PLINK writes human chromosomes; positions on XY and PAR are X's."""
    codes = {"23": "chrX", "24": "chrY", "25": "chrX", "26": "chrM", "01": "chr1"}
    codes |= {"XY": "chrX", "PAR1": "chrX", "PAR2": "chrX", "chr23": "chrX", "0X": "chrX"}
    for lengths in (TOY, HG38):
        assert found(lengths, " ".join(codes)) == codes
    assert found(REFSEQ38, "23 25 26 01") == {
        "23": "NC_000023.11",
        "25": "NC_000023.11",
        "26": "NC_012920.1",
        "01": "NC_000001.11",
    }
    assert ContigNames(TOY).match("23").rule is Rule.PLINK


@pytest.mark.parametrize(
    "lengths",
    [
        MM39,  # whose X is 20 to PLINK
        {"chr1": 9, "chr29": 8, "chrX": 7},  # cattle
        {"chr1": 9, "chr23": 8, "chrX": 7},  # a 23 of its own, if not of the length
        {"chrI": 9, "chrX": 8},  # a yeast's ten
        {"chrX": 9},
        {f"chr{n}": n for n in range(1, 21)} | {"chrX": 9},  # a rat
        {"chr1": 9, "chr2": 9},  # no X
    ],
)
def test_plink_codes_are_human(lengths: dict[str, int]) -> None:
    for name in ("23", "25", "XY"):
        assert ContigNames(lengths, declared={"23": 5}).match(name).contig is None


def test_a_vcf_with_chromosome_29_is_not_humans() -> None:
    declared = {"23": 30_000, "29": 5}
    assert ContigNames(TOY, declared=declared).match("23").contig is None
    assert "PLINK's code for X in human data" in ContigNames(MM39).match("23").why


def test_plinks_lengths_are_no_lengths() -> None:
    """PLINK 1.9 and 2 write a number beyond the last record, htslib 2^31 - 1."""
    declared = {"1": 30_001, "2": 2**31 - 1, "3": None, "4": 0, "5": 5}
    assert believable_lengths(declared, ["PLINKv1.90"]) == {}
    assert believable_lengths(declared, ["bcftools", "PLINKv2.00"]) == {}
    assert believable_lengths(declared, ["explink"]) == {"1": 30_001, "5": 5}
    assert believable_lengths(declared) == {"1": 30_001, "5": 5}


# The two mitochondria of hg19.


@pytest.mark.parametrize(
    ("lengths", "names", "contig"),
    [
        (HG19, "chrM M 0M chrm", "chrM"),
        (HG19, "MT chrMT mt 26 NC_012920.1 J01415.2", None),
        (HG19, "NC_001807.4", "chrM"),
        (B37, "MT chrMT mt NC_012920.1 J01415.2", "MT"),
        (B37, "chrM M m 26 NC_001807.4", None),
        ({"chr1": 249_250_621, "chrM": 16_569}, "chrM M MT chrMT", "chrM"),
        (HG38, "chrM M MT chrMT 26 NC_012920.1", "chrM"),
        (HG38, "NC_001807.4 CP068254.1", None),
        (REFSEQ38, "chrM M MT chrMT 26 J01415.2", "NC_012920.1"),
        ({"NC_000001.10": 249_250_621, "NC_012920.1": 16_569}, "chrM M 26", None),
        ({"NC_000001.10": 249_250_621, "NC_012920.1": 16_569}, "MT chrMT", "NC_012920.1"),
        ({"chr1": 5, "chrM": 16_571}, "MT 26", None),
        ({"chr1": 5, "chrM": 16_571}, "M chrm", "chrM"),
        ({"chr1": 248_387_328, "chrM": 16_569}, "NC_012920.1", None),  # CHM13 has its own
        ({"chr1": 248_387_328, "chrM": 16_569}, "CP068254.1 MT", "chrM"),
        (MM39, "MT M NC_005089.1", "chrM"),
    ],
)
def test_mitochondria(lengths: dict[str, int], names: str, contig: str | None) -> None:
    assert found(lengths, names) == dict.fromkeys(names.split(), contig)


def test_declared_lengths_tell_mitochondria_apart() -> None:
    both = HG19 | {"chrMT": 16_569}  # as UCSC's hg19 with patches has them
    for name in ("chrM", "M", "MT", "chrMT"):
        assert found(both, name, **{name: 16_571}) == {name: "chrM"}
        assert found(both, name, **{name: 16_569}) == {name: "chrMT"}
        assert found(HG19, name, **{name: 16_569}) == {name: None}
        assert found(B37, name, **{name: 16_569}) == {name: "MT"}
        assert found(B37, name, **{name: 16_571}) == {name: None}
    assert found(both, "chrM MT M") == {"chrM": "chrM", "MT": "chrMT", "M": "chrM"}


# Accessions and UCSC's names.


@pytest.mark.parametrize(
    ("lengths", "name", "contig"),
    [
        (HG38, "NC_000001.11", "chr1"),
        (HG38, "CM000663.2", "chr1"),
        (HG38, "NC_000001.10", None),  # GRCh37's
        (HG38, "NC_000001", None),
        (HG19, "NC_000001.10", "chr1"),
        (HG19, "NC_000001.11", None),
        (B37, "NC_000001.10", "1"),
        (B37, "chr1_gl000191_random", "GL000191.1"),
        (B37, "NT_113878.1", "GL000191.1"),
        (B37, "HSCHR1_RANDOM_CTG5", "GL000191.1"),
        (HG38, "KI270706.1", "chr1_KI270706v1_random"),
        (HG38, "NT_187361.1", "chr1_KI270706v1_random"),
        (HG38, "HSCHR1_CTG1_UNLOCALIZED", "chr1_KI270706v1_random"),
        (HG38, "1_KI270706v1_random", "chr1_KI270706v1_random"),
        (HG38, "GL000218.1", "chrUn_GL000218v1"),
        (HG38, "chrUn_gl000218", "chrUn_GL000218v1"),  # the same bases in hg19
        (HG38, "HSCHRUN_RANDOM_CTG2", None),  # other bases in GRCh37 and GRCh38
        (REFSEQ38, "1", "NC_000001.11"),
        (REFSEQ38, "CM000663.2", "NC_000001.11"),
        (REFSEQ38, "chrX", "NC_000023.11"),
        ({"chr1": 40_000}, "NC_000001.11", None),
        ({"NC_000001.11": 40_000}, "NC_000001.11", "NC_000001.11"),
        ({"NC_000001.11": 40_000}, "chr1", None),
        ({"NC_000001.11": 248_956_422, "NC_000001.10": 249_250_621}, "1", None),
    ],
)
def test_accessions(lengths: dict[str, int], name: str, contig: str | None) -> None:
    assert found(lengths, name) == {name: contig}


def test_names_with_several_meanings_are_not_mapped() -> None:
    """HSCHR3_1_CTG1 is JH636055.1 in GRCh37.p13, JH636055.2, as long, in GRCh38.p14."""
    later = {"chr3_JH636055v2_alt": 173_151}
    assert found(later, "HSCHR3_1_CTG1 JH636055.1") == {
        "HSCHR3_1_CTG1": None,
        "JH636055.1": None,
    }
    assert found(later | HG38, "HSCHR3_1_CTG1") == {"HSCHR3_1_CTG1": "chr3_JH636055v2_alt"}
    plain = {"HSCHR3_1_CTG1": 173_151}
    assert found(plain, "JH636055.2 JH636055.1") == {"JH636055.2": None, "JH636055.1": None}
    assert found(plain | HG38, "JH636055.2 JH636055.1") == {
        "JH636055.2": "HSCHR3_1_CTG1",
        "JH636055.1": None,
    }


# A table of names.


def test_a_table_comes_first() -> None:
    table = {"chr20z": "chr1", "1": "chrX", "MT": "chrM", "gone": "chr99"}
    contigs = ContigNames(TOY, declared={"MT": 16_571}, table=table)
    assert contigs.match("chr20z").contig == "chr1"
    assert contigs.match("1").contig == "chrX"
    assert contigs.match("1").rule is Rule.TABLE
    assert contigs.match("chr1").contig == "chr1"  # the others are found as ever
    assert (
        contigs.match("MT").why == "the VCF declares 16,571 bases, chrM of the FASTA has 16,569"
    )
    assert contigs.match("gone").why == "the table of names says chr99, which the FASTA has not"


def test_reading_a_table(tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    path.write_bytes(
        b"\xef\xbb\xbf# VCF\tFASTA\r\nNC_1\tchr1\r\n\r\n  23   chrX  \n23 chrX\n#\nHLA:1\ta|b"
    )
    assert read_contig_table(path, {"chr1": 1}) == {
        "NC_1": "chr1",
        "23": "chrX",
        "HLA:1": "a|b",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a b\nc\n", "line 2 has 1 columns; expected two columns, the name in the VCF"),
        (b"a\tb\tc\n", "line 1 has 3 columns"),
        (b"# names\na b\n\na c\n", "line 4 says c for a, line 2 b; expected one name"),
        (b"", "has no contig names"),
        (b"# a b\n", "has no contig names"),
        (
            b"k x\nb y\n",
            "no name of its second column is in the FASTA file, those of its first",
        ),
        (b"m x\n", "no name of its second column is in the FASTA file; expected"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (None, "cannot be read as a table of contig names: No such file"),
    ],
)
def test_bad_tables(text: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(OptionError, match=message) as caught:
        read_contig_table(path, {"b": 1, "k": 2})
    assert str(caught.value).startswith(f"{path}: ")


# Reasons.


@pytest.mark.parametrize(
    ("lengths", "name", "declared", "why"),
    [
        (
            HG38,
            "chr1",
            249_250_621,
            "the VCF declares 249,250,621 bases, chr1 of the FASTA has",
        ),
        (
            HG38,
            "NC_000001.10",
            None,
            "it is chr1 of GRCh37 (hg19), 249,250,621 bases, which no",
        ),
        (HG38, "NC_000001.10", None, "of the FASTA is; chr1 has 248,956,422"),
        (HG38, "chr3", None, "no contig of the FASTA has this name"),
        (HG19, "MT", None, "and the VCF does not declare what MT has"),
        (MM39, "26", None, "PLINK's code for MT in human data, and the FASTA is not human"),
    ],
)
def test_why_not(lengths: dict[str, int], name: str, declared: int | None, why: str) -> None:
    contigs = ContigNames(lengths, declared={name: declared} if declared else {})
    assert contigs.match(name).contig is None
    assert why in contigs.match(name).why


def test_many_contigs_are_read_once() -> None:
    lengths = {f"sc{n}": 60 for n in range(20_000)} | {"chr1": 5}
    contigs = ContigNames(lengths)
    for n in range(20_000):
        assert contigs.match(f"sc{n}").contig == f"sc{n}"
    assert contigs.match("01").contig == "chr1"
    assert contigs.match("01") is contigs.match("01")
    assert spelled_chromosome("sc1") is None
