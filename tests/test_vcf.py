"""Every form of VCF reads alike, and damage is an error rather than a short result."""

import gzip
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cyvcf2
import pysam
import pysam.bcftools
import pytest
import writers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writers import read_alleles

from varscore.errors import VcfError
from varscore.inputs.given import opened
from varscore.inputs.vcf import SUBSTITUTIONS, VcfHeader, classify, read_vcf, trim
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH
from varscore.variant import Allele, Status

# With no date in it: workers that run these tests name them alike.
packed = partial(gzip.compress, mtime=0)

HEADER = b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
COLUMNS = writers.COLUMNS.encode()
GOOD = writers.record("chr1", 7, "rs7", "A", "C").encode()


def vcf(*records: bytes) -> bytes:
    return HEADER + COLUMNS + b"".join(records)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "some.vcf") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def fields(path: Path) -> list[tuple[object, ...]]:
    return [
        (a.chrom, a.pos, a.id, a.ref, a.alt, a.record, a.allele, a.status)
        for a in read_alleles(path)
    ]


MANY = 20_000  # several blocks of a bgzipped file
MANY_RECORDS = [
    f"chr{1 + i % 3}\t{1 + i * 7919 % 1000003}\tid{i}\tA\tC,GT\t.\t.\tAF={i / MANY}\n".encode()
    for i in range(MANY)
]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one VCF, unsorted, in each of its forms."""
    folder = tmp_path_factory.mktemp("forms")
    info = b'##INFO=<ID=AF,Number=1,Type=Float,Description="frequency">\n'
    contigs = b"##contig=<ID=chr2>\n##contig=<ID=chr3>\n"
    text = HEADER + contigs + info + COLUMNS + b"".join(MANY_RECORDS)
    plain = folder / "plain.vcf"
    plain.write_bytes(text)
    pysam.tabix_compress(str(plain), str(folder / "bgzip.vcf.gz"))
    with (
        pysam.VariantFile(str(plain)) as records,
        pysam.VariantFile(str(folder / "binary.bcf"), "wb", header=records.header) as binary,
    ):
        for record in records:
            binary.write(record)
    return folder


@pytest.mark.parametrize("name", ["plain.vcf", "bgzip.vcf.gz", "binary.bcf"])
def test_forms_read_alike(many: Path, name: str) -> None:
    expected = [
        (f"chr{1 + i % 3}", 1 + i * 7919 % 1000003, f"id{i}", "A", alt, i, n, Status.SCORED)
        for i in range(MANY)
        for n, alt in ((1, "C"), (2, "GT"))
    ]
    assert fields(many / name) == expected


def random_record(rng: random.Random) -> str:
    ref = "".join(rng.choices("ACGTacgtN", k=rng.choice((1, 1, 1, 2, 7))))
    alts = ["A", "acgt", "GATTACA", "N", "AR", "*", "<DEL>", "<*>", "A[2:7[", "]2:9]T", ref]
    return "\t".join(
        [
            rng.choice(("chr1", "2", "HLA:01-02")),
            str(rng.choice((rng.randint(0, 10**6), rng.randint(1, 2**31 - 2)))),
            rng.choice((".", "rs7", "a;b", "\N{LATIN SMALL LETTER E WITH ACUTE}")),
            ref,
            ",".join(rng.sample(alts, rng.randint(0, 4))) or ".",
            rng.choice((".", "30", "1e3")),
            rng.choice((".", "PASS", "q10")),
            rng.choice((".", "DP=7", "DP=30;DB")),
        ]
    )


@pytest.mark.parametrize("seed", range(5))
def test_records_are_those_that_cyvcf2_reads(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    contigs = "".join(f"##contig=<ID={name}>\n" for name in ("chr1", "2", "HLA:01-02"))
    declared = (
        '##FILTER=<ID=q10,Description="quality">\n'
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="depth">\n'
        '##INFO=<ID=DB,Number=0,Type=Flag,Description="known">\n'
    )
    lines = [random_record(rng) for _ in range(300)]
    plain, packed, binary = (tmp_path / f"random.{end}" for end in ("vcf", "vcf.gz", "bcf"))
    header = f"##fileformat=VCFv4.2\n{contigs}{declared}{writers.COLUMNS}"
    plain.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    pysam.tabix_compress(str(plain), str(packed))
    pysam.bcftools.view("-Ob", "-o", str(binary), str(plain), catch_stdout=False)
    for path in (plain, packed, binary):
        expected = [
            (r.CHROM, r.POS, r.ID or ".", r.REF, alt, number, allele)
            for number, r in enumerate(cyvcf2.VCF(str(path)))
            for allele, alt in enumerate(r.ALT or ["."], 1)
        ]
        assert [row[:-1] for row in fields(path)] == expected
        assert len(expected) > 300


def test_an_index_changes_nothing(write: Callable[..., Path]) -> None:
    path = write(vcf(GOOD, GOOD.replace(b"7", b"9")))
    before = fields(path)
    packed = pysam.tabix_index(str(path), preset="vcf", keep_original=True)
    assert fields(Path(packed)) == before
    assert len(before) == 2


@pytest.mark.parametrize(
    "content",
    [
        vcf(GOOD).replace(b"\n", b"\r\n"),
        vcf(GOOD)[:-1],
        vcf(GOOD).replace(b"##contig=<ID=chr1>\n", b""),
        vcf(GOOD[:-1] + b"\n")
        .replace(b"INFO", b"INFO\tFORMAT\tS1\tS2")
        .replace(b".\t.\t.\n", b".\tq10\tX=1;;Y\tGT:DP\t0|1:7\t./.\n"),
        vcf(GOOD).replace(b"INFO", b"INFO\tFORMAT\tS1\tS1"),
        vcf(GOOD).replace(b"INFO", b"INFO\tFORMAT"),
        HEADER + b'##ALT=<ID=DEL,Description="[deleted">\n##x=<\n##\xff\n' + COLUMNS + GOOD,
        vcf(GOOD[:-2] + b"a key = 1;B<2;\xff\n"),
        b"\xef\xbb\xbf" + vcf(GOOD),
        HEADER + GOOD,
        COLUMNS + GOOD,
        GOOD,
        packed(vcf(GOOD)),
        packed(HEADER) + packed(COLUMNS[:9]) + packed(COLUMNS[9:] + GOOD),
        packed(vcf(GOOD)) + bytes(512),
    ],
    ids=[
        "crlf", "no last newline", "no contig lines", "genotypes, nothing declared",
        "a sample twice", "FORMAT without samples", "odd header lines", "odd INFO",
        "byte-order mark", "no line of columns", "no other header", "no header",
        "gzip", "gzip of several members", "gzip, padded",
    ],
)  # fmt: skip
def test_accepted(content: bytes, write: Callable[..., Path]) -> None:
    assert fields(write(content)) == [("chr1", 7, "rs7", "A", "C", 0, 1, Status.SCORED)]


def test_record_without_id_and_alt(write: Callable[..., Path]) -> None:
    path = write(vcf(b"chr1\t7\t.\tA\t.\t.\t.\t.\n", b"chr1\t7\t.\tA\t\t.\t.\t.\n"))
    assert fields(path) == [
        ("chr1", 7, ".", "A", ".", record, 1, Status.MISSING_ALT) for record in (0, 1)
    ]


def test_odd_positions_and_empty_alleles(write: Callable[..., Path]) -> None:
    path = write(
        vcf(
            b"chr1\t0\t.\tA\tC\t.\t.\t.\n",
            b"chr1\t3000000000\t.\tA\tC,\t.\t.\t.\n",
            b"chr1\t7\t.\t\tC\t.\t.\t.\n",
        )
    )
    assert [(pos, ref, alt, status) for _, pos, _, ref, alt, _, _, status in fields(path)] == [
        (0, "A", "C", Status.SCORED),
        (3_000_000_000, "A", "C", Status.SCORED),
        (3_000_000_000, "A", ".", Status.MISSING_ALT),
        (7, ".", "C", Status.AMBIGUOUS_ALLELE),
    ]


def test_empty_columns_are_none_and_the_largest_position(write: Callable[..., Path]) -> None:
    path = write(vcf(b"chr1\t7\t\t\t\t.\t.\t.\n", b"chr1\t1%018d\t.\tA\tC\t.\t.\t.\n" % 0))
    assert list(read_vcf(path, "some.vcf")) == [
        ("chr1", 7, ".", ".", "."),
        ("chr1", 10**18, ".", "A", "C"),
    ]


def test_no_records(write: Callable[..., Path]) -> None:
    assert fields(write(vcf())) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "no line of variants or of columns; expected a VCF"),
        (b"hello\n", "line 1 is 'hello'; expected a VCF"),
        (bytes(range(256)), "binary data of a kind that is not known here; expected a VCF"),
        (HEADER, "ends in its header, at line 2, without a line of columns; copy"),
        (HEADER + b"\n" + GOOD, "line 3 is blank; remove it"),
        (
            HEADER + COLUMNS.replace(b"\t", b" ") + GOOD,
            r"line 3 has '#CHROM POS .* \(blanks where tabs should be\) for the column",
        ),
        (
            HEADER + COLUMNS.replace(b"INFO", b"INFO ") + GOOD,
            "line 3 has a blank beside the column name INFO; remove it",
        ),
        (
            HEADER + COLUMNS.replace(b"INFO", b" INFO") + GOOD,
            "line 3 has a blank beside the column name INFO; remove it",
        ),
        (
            HEADER + COLUMNS.replace(b"INFO", b"INFO" + 90 * b"X") + GOOD,
            f"line 3 has 'INFO{76 * 'X'}' for the column INFO; expected #CHROM POS ID REF ALT "
            "QUAL FILTER INFO, separated by single tabs$",
        ),
        (HEADER + b"#CHROM\tPOS\n" + GOOD, "line 3 has only 2 of the columns; expected #CHROM"),
        (HEADER + COLUMNS.replace(b"REF\tALT", b"ALT\tREF"), "has 'ALT' for the column REF"),
        (vcf(GOOD, b"\n", GOOD), "line 5 is blank; remove it"),
        (vcf(GOOD, b"\n"), "line 5 is blank; remove it"),
        (
            vcf(GOOD, GOOD.replace(b"\t", b" ")),
            "line 5 has 1 tab-separated columns, and blanks; expected at least 8",
        ),
        (vcf(b"chr1\t7\t.\tA\n"), "line 4 has 4 tab-separated columns; expected at least 8"),
        (vcf(GOOD, GOOD[:18]), "line 5 has 7 tab-separated columns"),
        (vcf(GOOD.replace(b"chr1", b"chr1 ")), "line 4: CHROM 'chr1 ' has a blank; expected"),
        (vcf(GOOD.replace(b"chr1", b" chr1")), "line 4: CHROM ' chr1' has a blank; expected"),
        (vcf(GOOD.replace(b"chr1", b"")), "line 4: CHROM is blank; expected a contig's name"),
        (vcf(GOOD.replace(b"chr1", b" ")), "line 4: CHROM is blank; expected a contig's name"),
        (vcf(GOOD, GOOD.replace(b"chr1", b"#chr1")), "line 5 is a header line among the rec"),
        (vcf(GOOD, COLUMNS, GOOD), "line 5 is a header line among the records; remove it"),
        (vcf(GOOD, b"#comment\n", GOOD), "line 5 is a header line among the records"),
        (vcf(GOOD.replace(b"\t7\t", b"\tx\t")), "has POS 'x'; expected a whole number$"),
        (vcf(GOOD.replace(b"\t7\t", b"\t-7\t")), "has POS '-7'"),
        (vcf(GOOD[:-1].replace(b"\t7\t", b"\tx\t") + b"\tGT\t0|1\n"), "has POS 'x'"),
        (
            vcf(GOOD.replace(b"\t7\t", b"\t" + 90 * b"9" + b"\t")),
            f"line 4 has POS '{80 * '9'}'; expected a whole number up to {10**18:,}$",
        ),
        (vcf(GOOD.replace(b"\t7\t", b"\t1%018d\t" % 1)), "whole number up to 1,0"),
        (vcf(GOOD.replace(b"\t7\t", "\t٧\t".encode())), "has POS '٧'; expected a whole number"),
        (vcf(GOOD.replace(b"rs7", b"\xe9")), "line 4: ID is no UTF-8 text; convert the file"),
        (vcf(GOOD, GOOD.replace(b"rs7", b"\xe9")), "line 5: ID is no UTF-8 text"),
        (vcf(GOOD.replace(b"chr1", b"\xe9")), "line 4: CHROM is no UTF-8 text"),
        (packed(packed(vcf(GOOD))), "is compressed twice; decompress it once"),
        (
            packed(vcf(GOOD))[:-9],
            "reading stopped near line .: the compressed file is cut",
        ),
        (
            packed(vcf(GOOD)) + b"more",
            "reading stopped near line 1: other bytes follow the end of what was compressed",
        ),
    ],
)
def test_bad_files_are_named(content: bytes, message: str, write: Callable[..., Path]) -> None:
    path = write(content)
    with pytest.raises(VcfError, match=message) as caught:
        fields(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(VcfError, match="no such file"):
        fields(tmp_path / "absent.vcf")
    with pytest.raises(VcfError, match="is a directory"):
        fields(tmp_path)


def block_starts(packed: bytes) -> list[int]:
    """Return where the blocks of a BGZF file start; each holds its own size, less one."""
    starts = [0]
    while starts[-1] < len(packed):
        at = starts[-1]
        starts.append(at + int.from_bytes(packed[at + 16 : at + 18], "little") + 1)
    return starts[:-1]


@pytest.mark.parametrize("name", ["bgzip.vcf.gz", "binary.bcf"])
def test_cut_and_corrupt_files_are_errors(
    many: Path, name: str, write: Callable[..., Path]
) -> None:
    packed = (many / name).read_bytes()
    starts = block_starts(packed)
    assert len(starts) > 5
    middle = starts[len(starts) // 2]
    for cut in (middle, starts[-1]):
        with pytest.raises(VcfError, match=rf"no end-of-file block.* `zcat {name} \| bgzip > "):
            fields(write(packed[:cut], name))
    for cut, after in ((middle + 100, middle), (len(packed) - 1, starts[-1])):
        with pytest.raises(VcfError, match=f"is cut: what follows byte {after:,} is no whole"):
            fields(write(packed[:cut], name))
    for rest in (b"\n", b"rubbish", bytes(60_000)):
        message = rf"{len(rest):,} bytes? follows? its end-of-file block.* -c {len(packed)} "
        with pytest.raises(VcfError, match=message):
            fields(write(packed + rest, name))
    corrupt = bytearray(packed)
    corrupt[middle + 1000] ^= 0xFF
    with pytest.raises(
        VcfError, match=r"stopped [an].* (corrupt there|htslib says: .*); copy or download"
    ):
        fields(write(bytes(corrupt), name))


def test_alleles_before_the_damage_are_read(write: Callable[..., Path]) -> None:
    alleles = read_alleles(write(vcf(GOOD, GOOD, b"\n")))
    assert [next(alleles).record, next(alleles).record] == [0, 1]
    with pytest.raises(VcfError):
        next(alleles)


def test_verbosity_is_left_as_it_was(write: Callable[..., Path]) -> None:
    before = pysam.set_verbosity(2)
    try:
        alleles = read_alleles(write(vcf(GOOD, GOOD, b"\n")))
        next(alleles)
        assert pysam.get_verbosity() == 2  # between records, too
        with pytest.raises(VcfError):
            list(alleles)
        assert pysam.get_verbosity() == 2
    finally:
        pysam.set_verbosity(before)


def test_memory_does_not_grow_with_the_file(write: Callable[..., Path]) -> None:
    script = (
        "import resource, sys\n"
        "from varscore.inputs.given import opened, read_alleles\n"
        "with opened(sys.argv[1]) as inputs: n = sum(1 for _ in read_alleles(inputs))\n"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    megabytes = []
    for copies in (1, 8):
        path = write(vcf(*MANY_RECORDS[:10_000] * copies))
        command = [sys.executable, "-c", script, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        alleles, used = map(int, done.stdout.split())
        assert alleles == 20_000 * copies
        megabytes.append(used)
    assert megabytes[1] - megabytes[0] < 16  # the 140,000 alleles more would take 47 MB


@pytest.mark.parametrize(
    ("ref", "alt", "status"),
    [
        ("A", "C", Status.SCORED),
        ("a", "cg", Status.SCORED),
        ("A", ".", Status.MISSING_ALT),
        ("A", "", Status.MISSING_ALT),
        ("N", ".", Status.MISSING_ALT),
        ("A", "*", Status.SPANNING_DELETION),
        ("A", "<*>", Status.SYMBOLIC_ALLELE),
        ("A", "<NON_REF>", Status.SYMBOLIC_ALLELE),
        ("N", "<INS:ME>", Status.SYMBOLIC_ALLELE),
        ("A", "A<ctg1>", Status.SYMBOLIC_ALLELE),
        ("G", "G]17:198982]", Status.SYMBOLIC_ALLELE),
        ("G", "[17:198982[G", Status.SYMBOLIC_ALLELE),
        ("G", "GT.", Status.SYMBOLIC_ALLELE),
        ("G", ".TG", Status.SYMBOLIC_ALLELE),
        ("A", "N", Status.AMBIGUOUS_ALLELE),
        ("N", "N", Status.AMBIGUOUS_ALLELE),
        ("AR", "A", Status.AMBIGUOUS_ALLELE),
        (".", "A", Status.AMBIGUOUS_ALLELE),
        ("A", "U", Status.AMBIGUOUS_ALLELE),
        ("A", "#", Status.AMBIGUOUS_ALLELE),
        ("AC", "ac", Status.NO_CHANGE),
        ("ac", "AC", Status.NO_CHANGE),
        ("A", 10 * "C", Status.SCORED),
        ("A", 11 * "C", Status.TOO_LONG),
        (11 * "C", "A", Status.TOO_LONG),
        ("GATTACAGAG", "GATTACAGAC", Status.SCORED),
        ("AGATTACAGATTACA", "GGATTACAGATTACA", Status.SCORED),  # A>G with 14 bases behind
        ("aGATTACAGATTACA", "AgATTACAGATTACT", Status.SCORED),  # A>T with 14 bases in front
        ("CGATTACAGATTACAC", "C", Status.TOO_LONG),
        ("AG", 10 * "C" + "G", Status.SCORED),
        ("AG", 11 * "C" + "G", Status.TOO_LONG),
    ],
)
def test_letters_decide(ref: str, alt: str, status: Status) -> None:
    assert classify(ref, alt, max_allele_length=10) is status


def test_substitutions_are_the_twelve() -> None:
    twelve = {"AC", "AG", "AT", "CA", "CG", "CT", "GA", "GC", "GT", "TA", "TC", "TG"}
    assert twelve == SUBSTITUTIONS


def test_default_limit(write: Callable[..., Path]) -> None:
    long = DEFAULT_MAX_ALLELE_LENGTH * b"C"
    path = write(vcf(GOOD.replace(b"\tC\t", b"\t" + long + b",C" + long + b"\t")))
    assert [a.status for a in read_alleles(path)] == [Status.SCORED, Status.TOO_LONG]
    limited: list[Allele] = list(read_alleles(path, max_allele_length=2000))
    assert [a.status for a in limited] == [Status.SCORED, Status.SCORED]


@pytest.mark.parametrize(
    ("ref", "alt", "trimmed"),
    [
        ("A", "C", (0, "A", "C")),
        ("ACG", "ATG", (1, "C", "T")),
        ("CAT", "GGA", (0, "CAT", "GGA")),
        ("CTCC", "CCC", (0, "CT", "C")),  # CC behind; then C in front is the anchor
        ("GCAG", "G", (0, "GCAG", "G")),  # one base is left of either
        ("TTTA", "TTTTTA", (0, "T", "TTT")),
        ("GATC", "GATTC", (1, "A", "AT")),  # C and T behind, G in front
    ],
)
def test_trim(ref: str, alt: str, trimmed: tuple[int, str, str]) -> None:
    assert trim(ref, alt) == trimmed


@given(
    ref=st.text("ACGT", min_size=1, max_size=6),
    alt=st.text("ACGT", min_size=1, max_size=6),
    before=st.text("ACGT", max_size=6),
    after=st.text("ACGT", max_size=6),
)
def test_trimmed_length_is_the_same_for_every_spelling(
    ref: str, alt: str, before: str, after: str
) -> None:
    if ref != alt:
        _, *short = trim(ref, alt)
        offset, *wide = trim(before + ref + after, before + alt + after)
        assert [len(allele) for allele in wide] == [len(allele) for allele in short]
        assert (before + ref + after)[offset:].startswith(wide[0])


ALLELES = st.one_of(
    st.text("ACGTNacgtR", min_size=1, max_size=12),
    st.sampled_from(("*", "<DEL>", "<INS:ME>", "G]chr2:5]", "]chr1:9]A", "AT.", ".", "CA")),
)
LINES = st.tuples(
    st.sampled_from(("chr1", "2", "HLA-A*01:01", "chr1_KI270706v1_random")),
    st.integers(1, 2**31 - 2),
    st.sampled_from((".", "rs7", "rs7;rs8")),
    st.text("ACGTNacgt", min_size=1, max_size=12),
    st.lists(ALLELES, min_size=1, max_size=3, unique=True).map(",".join),
    st.sampled_from((".", "0", "99.5")),
    st.sampled_from((".", "PASS", "q10;s50")),
    st.sampled_from((".", "AF=0.1;DB", "X=a,b")),
    st.sampled_from(((), ("GT:DP", "0|1:7", "./.:."), ("GT", "1/1", "0"))),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, max_size=20), crlf=st.booleans(), declared=st.booleans())
def test_records_are_those_that_htslib_reads(
    lines: list[tuple[object, ...]], crlf: bool, declared: bool, tmp_path: Path
) -> None:
    contigs = ("chr1", "2", "HLA-A*01:01", "chr1_KI270706v1_random")
    text = "##fileformat=VCFv4.3\n"
    if declared:
        text += "".join(f"##contig=<ID={contig},length=2147483647>\n" for contig in contigs)
    text += writers.COLUMNS.replace("INFO", "INFO\tFORMAT\tS1\tS2")
    for *columns, samples in lines:
        text += "\t".join(map(str, (*columns, *(samples or (".", ".", "."))))) + "\n"
    path = tmp_path / "random.vcf"
    path.write_text(text.replace("\n", "\r\n") if crlf else text, newline="")
    expected = []
    with pysam.VariantFile(str(path)) as records:
        for number, record in enumerate(records):
            for allele, alt in enumerate(record.alts or (".",), 1):
                fields = record.chrom, record.pos, record.id or ".", record.ref, alt
                expected.append((*fields, number, allele))
    assert [allele[:7] for allele in read_alleles(path)] == expected
    with cyvcf2.VCF(str(path)) as records:
        others = [
            (record.CHROM, record.POS, record.ID or ".", record.REF, alt)
            for record in records
            for alt in record.ALT or (".",)
        ]
    assert others == [allele[:5] for allele in read_alleles(path)]


def test_the_header_declares_contigs(write: Callable[..., Path]) -> None:
    text = (
        b"##fileformat=VCFv4.2\n##source=PLINKv1.90\n##contig=<ID=chr1,length=12>\n"
        b'##contig=<assembly=b37,ID=2,species="a, b">\n##contig=<length=7,ID=HLA:1>\n'
    )
    path = write(text + COLUMNS + GOOD)
    with opened(path) as (vcf,):
        header = vcf.header()
    assert header == VcfHeader({"chr1": 12, "2": None, "HLA:1": 7}, ["PLINKv1.90"])
    with opened(write(text + COLUMNS + GOOD + text, "more.vcf")) as (vcf,):
        assert vcf.header() == header  # it ends where the records begin
    with (
        pysam.VariantFile(str(path)) as records,
        pysam.VariantFile(str(path) + ".bcf", "wb", header=records.header) as binary,
    ):
        binary.write(next(records))
    with opened(str(path) + ".bcf") as (bcf,):
        assert bcf.header() == header


def test_htslib_says_why_a_bcf_cannot_be_read(many: Path, write: Callable[..., Path]) -> None:
    raw = gzip.decompress((many / "binary.bcf").read_bytes())
    assert len(fields(write(raw, "raw.bcf"))) == 2 * MANY
    with pytest.raises(VcfError, match="BCF cannot be read: htslib says: Failed to read BCF"):
        fields(write(raw[:60], "head.bcf"))
    header = 9 + int.from_bytes(raw[5:9], "little")
    contig = raw[:header] + raw[header : header + 8] + b"\x63" + raw[header + 9 :]
    with pytest.raises(VcfError, match=r"at its first record: .*htslib says: .*CONTIG id 99"):
        fields(write(contig, "contig.bcf"))
