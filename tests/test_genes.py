"""Genes of GTF files: by hand, against pandas, and against a loop over all of them."""

import gzip
from pathlib import Path

import pandas as pd
import pysam
import pytest
from annotations import gtf_row, synthetic_gtf
from hypothesis import given
from hypothesis import strategies as st
from writers import write_fasta

from varscore.errors import OptionError, VcfError
from varscore.inputs.contigs import ContigNames
from varscore.inputs.genes import Gene, Genes, read_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.gtf import gtf_rows, read_ids
from varscore.inputs.htslib import compression

LENGTHS = {"chr1": 1000, "chr2": 500, "chrX": 300, "chrY": 200}

# Two genes of GENCODE. Plus has two transcripts, Minus overlaps it and has three:
#
#   PLUS   exons 101-120, 151-200 | 111-130, 181-260        starts at 101 and 111
#   MINUS  exons 191-200 | 171-200, 221-240 | 171-180, 191-240   starts at 200, 240, 240
PLUS = 'gene_id "ENSG01.3"; gene_type "protein_coding"; gene_name "PLUS"; level 2'
MINUS = 'gene_id "ENSG02.1"; gene_type "lncRNA"; gene_name "MINUS"; level 1'
BASIC = 'tag "basic"; tag "CCDS"'


def transcript(gene: str, name: str) -> str:
    """Return a gene's attributes with those of a transcript, where GENCODE has them."""
    own, more = gene.split("; ", 1)
    return f'{own}; transcript_id "{name}"; {more}; {BASIC}'


def exons(gene: str, name: str, strand: str, *ends: tuple[int, int], contig="chr1") -> str:
    """Return the rows of a transcript's exons."""
    attributes = transcript(gene, name)
    return "".join(gtf_row(contig, "exon", *pair, strand, attributes) for pair in ends)


GENE_ROWS = [
    gtf_row("chr1", "gene", 101, 260, "+", PLUS),
    gtf_row("chr1", "gene", 171, 240, "-", MINUS, 'tag "overlapping_locus"'),
]
TRANSCRIPT_ROWS = [
    gtf_row("chr1", "transcript", 101, 200, "+", transcript(PLUS, "ENST011.1")),
    gtf_row("chr1", "transcript", 111, 260, "+", transcript(PLUS, "ENST012.1")),
    gtf_row("chr1", "transcript", 191, 200, "-", transcript(MINUS, "ENST021.1")),
    gtf_row("chr1", "transcript", 171, 240, "-", transcript(MINUS, "ENST022.1")),
    gtf_row("chr1", "transcript", 171, 240, "-", transcript(MINUS, "ENST023.1")),
]
EXON_ROWS = [
    exons(PLUS, "ENST011.1", "+", (101, 120), (151, 200)),
    exons(PLUS, "ENST012.1", "+", (111, 130), (181, 260)),
    exons(MINUS, "ENST021.1", "-", (191, 200)),
    exons(MINUS, "ENST022.1", "-", (221, 240), (171, 200)),  # in the order of transcription
    exons(MINUS, "ENST023.1", "-", (191, 240), (171, 180)),
]
OTHER_ROWS = [
    gtf_row("chr1", "CDS", 105, 120, "+", transcript(PLUS, "ENST011.1")),
    gtf_row("chr1", "start_codon", 105, 107, "+", transcript(PLUS, "ENST011.1")),
    gtf_row("chr1", "Selenocysteine", 110, 112, "+", transcript(PLUS, "ENST011.1")),
]
HEADER = "##description: evidence-based\n##provider: GENCODE\n##format: gtf\n"
GENCODE = HEADER + "".join([*GENE_ROWS, *TRANSCRIPT_ROWS, *EXON_ROWS, *OTHER_ROWS])

# 0-based and half-open. Starts: 101 and 111 are 100 and 110; 200 and 240 are 199 and 239.
PLUS_SITES, MINUS_SITES = (100, 110), (199, 239)
INTERVALS = {
    "tss": (((100, 101), (110, 111)), ((199, 200), (239, 240))),
    # 101-120 and 111-130 make 101-130; 151-200 and 181-260 make 151-260.
    # 171-200, 191-200, 171-180, 221-240 and 191-240 make 171-240.
    "exons": (((100, 130), (150, 260)), ((170, 240),)),
    "body": (((100, 260),), ((170, 240),)),
}


def genes_as(bins: str, contig="chr1") -> list[Gene]:
    """Return the two genes."""
    plus, minus = INTERVALS[bins]
    return [
        Gene(contig, "ENSG01.3", "PLUS", "+", plus, PLUS_SITES),
        Gene(contig, "ENSG02.1", "MINUS", "-", minus, MINUS_SITES),
    ]


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """A genome of four contigs, of no sequence in particular."""
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    write_fasta(path, {name: "ACGTT" * (length // 5) for name, length in LENGTHS.items()})
    with ReferenceGenome(path) as opened:
        yield opened


@pytest.fixture
def read(genome, tmp_path):
    """Return a function that reads the genes of a text, or of bytes, as a list."""

    def read(content, *options, names=genome.names, **more) -> list[Gene]:
        path = tmp_path / "a.gtf"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_genes(path, genome, names, *options, **more))

    return read


def bgzipped(text: str, folder: Path) -> bytes:
    path = folder / "packed.gz"
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(text.encode())
    assert compression(path) == "bgzf"
    return path.read_bytes()


@pytest.mark.parametrize("bins", ["tss", "exons", "body"])
def test_genes_of_gencode(bins, read):
    assert read(GENCODE, bins) == genes_as(bins)


def test_start_sites_are_the_default(read):
    assert read(GENCODE) == genes_as("tss")


@pytest.mark.parametrize("bins", ["tss", "exons", "body"])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([*TRANSCRIPT_ROWS, *EXON_ROWS], id="no gene rows"),
        pytest.param([*GENE_ROWS, *EXON_ROWS], id="no transcript rows"),
        pytest.param(EXON_ROWS, id="exon rows"),
        pytest.param([*EXON_ROWS, *TRANSCRIPT_ROWS, *GENE_ROWS], id="the other way round"),
        pytest.param([*TRANSCRIPT_ROWS[:2], *EXON_ROWS], id="transcript rows of one gene"),
        pytest.param(
            [
                *(row.replace("\ttranscript\t", "\tmRNA\t") for row in TRANSCRIPT_ROWS),
                *EXON_ROWS,
            ],
            id="mRNA rows",
        ),
    ],
)
def test_any_rows_may_be_missing(rows, bins, read):
    assert read("".join(rows), bins) == genes_as(bins)


@pytest.mark.parametrize("bins", ["tss", "body"])
def test_transcripts_need_no_exons(bins, read):
    assert read("".join(TRANSCRIPT_ROWS), bins) == genes_as(bins)


def test_a_gene_without_transcripts_is_one(read):
    tss = [((100, 101),), ((239, 240),)]
    assert [gene.intervals for gene in read("".join(GENE_ROWS))] == tss
    assert [gene.sites for gene in read("".join(GENE_ROWS), "body")] == [(100,), (239,)]


def test_a_gene_without_exons_has_no_exon_bins(read):
    text = "".join([*GENE_ROWS, *TRANSCRIPT_ROWS, *EXON_ROWS[:2]])
    assert read(text, "exons") == genes_as("exons")[:1]


def test_genes_of_ensembl(read):
    """No chr, versions and tags apart, blanks at the ends of lines."""
    gene = 'gene_id "ENSG07"; gene_version "5"; gene_name "SEVEN"; gene_source "havana"'
    text = (
        "#!genome-build GRCh38.p14\n#!genebuild-last-updated 2023-03\n"
        + gtf_row("2", "gene", 11, 90, "-", gene)
        + gtf_row("2", "transcript", 11, 90, "-", gene, 'transcript_id "ENST07"', BASIC)
        + gtf_row("2", "exon", 81, 90, "-", gene, 'transcript_id "ENST07"', 'exon_number "1"')
        + gtf_row("2", "exon", 11, 20, "-", gene, 'transcript_id "ENST07"', 'exon_number "2"')
        + gtf_row("2", "gene", 101, 120, "+", 'gene_id "ENSG08"; gene_version "1"')
    ).replace(";\n", "; \n")
    assert read(text, "exons") == [
        Gene("chr2", "ENSG07", "SEVEN", "-", ((10, 20), (80, 90)), (89,))
    ]
    assert read(text) == [
        Gene("chr2", "ENSG07", "SEVEN", "-", ((89, 90),), (89,)),
        Gene("chr2", "ENSG08", "", "+", ((100, 101),), (100,)),
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text, _: gzip.compress(text.encode()), id="gzip"),
        pytest.param(bgzipped, id="bgzip"),
        pytest.param(
            lambda text, _: b"".join(
                gzip.compress(line.encode()) for line in text.splitlines(keepends=True)
            ),
            id="gzip of many members",
        ),
        pytest.param(lambda text, _: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text, _: "\ufeff" + text, id="byte-order mark"),
        pytest.param(lambda text, _: text.rstrip("\n"), id="no last end of line"),
        pytest.param(lambda text, _: text.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(lambda text, _: text.replace(";\n", "\n"), id="no last semicolon"),
        pytest.param(lambda text, _: text.replace("; ", ";"), id="no blanks"),
        pytest.param(lambda text, _: text.replace("; ", " ;  "), id="more blanks"),
        pytest.param(
            lambda text, _: text.replace(BASIC, 'note "of gene_id; gene_name is; x"; pseudo'),
            id="semicolons within quotes",
        ),
        pytest.param(
            lambda text, _: text.replace(
                'gene_id "', 'note "a; transcript_id b; c"; gene_id "'
            ),
            id="quotes first",
        ),
        pytest.param(lambda text, _: text.replace('"', ""), id="no quotes"),
    ],
)
def test_ways_to_write_it(change, read, tmp_path):
    assert read(change(GENCODE, tmp_path), "exons") == genes_as("exons")


@pytest.mark.parametrize(
    ("written", "gene_id", "name"),
    [
        ('gene_id "G"; gene_name "two words"', "G", "two words"),
        ('gene_id "G"; gene_name "a;b"', "G", "a;b"),
        ('gene_id "G"; gene_name "a; b"', "G", "a; b"),
        ('gene_id "G"; gene_name ""', "G", ""),
        ('gene_id "G"; level 2', "G", ""),
        ('gene_id "G"; gene_name "first"; gene_name "second"', "G", "first"),
        ('gene_id "Gène"; gene_name "Ü"', "Gène", "Ü"),
        ("gene_id 672; gene_name 007", "672", "007"),
        ("gene_id 1.50;gene_name nan", "1.50", "nan"),
        ('gene_id "a\0b"', "a\0b", ""),
        ('orig_gene_id "other"; gene_id "G"', "G", ""),
        ('gene_id "G=1"; gene_name "x=y"', "G=1", "x=y"),
        ('gene_id "5\'-G"; gene_name "3\'"', "5'-G", "3'"),
        ('gene_id "a\\b"; gene_name "#1"', "a\\b", "#1"),
    ],
)
def test_ids_and_names(written, gene_id, name, read):
    (gene,) = read(gtf_row("chr1", "gene", 5, 9, "+", written))
    assert (gene.gene_id, gene.gene_name) == (gene_id, name)


VALUES = st.text(
    st.sampled_from("ab12.=;; '#\\")
    | st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"'),
    max_size=9,
).filter(lambda text: not text or text.strip(";"))  # no name is semicolons alone


@given(VALUES, VALUES.filter(bool), VALUES, st.sampled_from([" ", "", "  "]))
def test_whatever_is_quoted_is_read_as_it_is(note, gene_id, name, blank):
    written = f'note "{note}";{blank}gene_id "{gene_id}";{blank}gene_name "{name}"'
    (row,) = gtf_rows(iter([(1, gtf_row("chr1", "gene", 5, 9, "+", written))]), "a.gtf")
    assert read_ids(row, "a.gtf") == (gene_id, "", name)


def test_a_name_may_stand_in_any_row(read):
    text = gtf_row("chr1", "gene", 5, 9, "+", 'gene_id "G"') + gtf_row(
        "chr1", "transcript", 5, 9, "+", 'gene_id "G"; transcript_id "T"; gene_name "N"'
    )
    assert [gene.gene_name for gene in read(text)] == ["N"]


def test_start_sites_widened(read):
    """100 and 110 by 4 are 96-105 and 106-115, by 5 they touch; 199 and 239 stay apart."""
    four, five = (read(GENCODE, "tss", width) for width in (4, 5))
    assert [gene.intervals for gene in four] == [
        ((96, 105), (106, 115)),
        ((195, 204), (235, 244)),
    ]
    assert [gene.intervals for gene in five] == [((95, 116),), ((194, 205), (234, 245))]
    assert [gene.sites for gene in five] == [PLUS_SITES, MINUS_SITES]
    assert [gene.intervals for gene in read(GENCODE, "tss", 800)] == [
        ((0, 911),),
        ((0, 1000),),
    ]


def test_exons_that_touch_are_one(read):
    assert [
        gene.intervals
        for gene in read(exons(PLUS, "T", "+", (11, 20), (21, 30), (32, 40)), "exons")
    ] == [((10, 30), (31, 40))]


def test_genes_that_x_and_y_share(read):
    """GENCODE has had other ids on Y, others the same: they are two genes either way."""
    shared = [("chrX", "E.15", 21), ("chrY", "E.15_PAR_Y", 26)]
    shared += [("chrX", "F", 22), ("chrY", "F", 28)]
    text = "".join(
        gtf_row(contig, "gene", 21, 80, "+", f'gene_id "{name}"')
        + gtf_row(contig, "transcript", first, 80, "+", f'gene_id "{name}"; transcript_id "T"')
        for contig, name, first in shared
    )
    assert [(gene.contig, gene.gene_id, gene.sites) for gene in read(text)] == [
        ("chrX", "E.15", (20,)),
        ("chrX", "F", (21,)),
        ("chrY", "E.15_PAR_Y", (25,)),
        ("chrY", "F", (27,)),
    ]


def test_transcripts_of_one_name_belong_to_their_genes(read):
    """As NCBI's unknown_transcript_1."""
    text = "".join(
        gtf_row("chr1", "exon", first, last, "+", f'gene_id "{gene}"', 'transcript_id "u_1"')
        for gene, first, last in [("A", 11, 20), ("B", 31, 40), ("A", 51, 60)]
    )
    assert [(gene.gene_id, gene.intervals) for gene in read(text, "body")] == [
        ("A", ((10, 60),)),
        ("B", ((30, 40),)),
    ]


def test_genes_of_unknown_strand(read):
    """Where their transcripts start is not known; their exons are."""
    text = gtf_row("chr1", "gene", 11, 20, ".", 'gene_id "A"') + exons(
        MINUS, "T", "?", (31, 40)
    )
    assert read(GENCODE + text) == genes_as("tss")
    assert [
        (gene.strand, gene.intervals, gene.sites)
        for gene in read(text, "body")
    ] == [(".", ((10, 20),), ()), (".", ((30, 40),), ())]  # fmt: skip


def test_a_gene_on_both_strands(read):
    text = exons(PLUS, "T", "+", (11, 20)) + exons(PLUS, "U", "-", (31, 40))
    assert read(text) == [Gene("chr1", "ENSG01.3", "PLUS", ".", ((10, 11), (39, 40)), (10, 39))]


@pytest.mark.parametrize("contig", ["1", "chr1", "Chr1", "01"])
def test_contigs_under_other_names(contig, read):
    assert read(GENCODE.replace("chr1\t", f"{contig}\t")) == genes_as("tss")


def test_contigs_of_a_table(genome, read):
    names = ContigNames(genome.lengths, table={"one": "chr1"})
    assert read(GENCODE.replace("chr1\t", "one\t"), names=names) == genes_as("tss")


def test_genes_on_contigs_that_the_genome_lacks_are_passed_over(read):
    other = gtf_row("KI270728.1", "gene", 1, 1_000_000, "+", 'gene_id "X"')
    assert read(GENCODE + other) == genes_as("tss")


@pytest.mark.parametrize("bins", ["tss", "exons", "body"])
def test_a_contig_of_genes_against_pandas(bins, tmp_path, genome):
    path = synthetic_gtf(tmp_path / "a.gtf", "7", 1_000_000, seed=4)
    write_fasta(tmp_path / "g.fa", {"chr7": "ACGTA" * 200_000})
    with ReferenceGenome(tmp_path / "g.fa") as long:
        found = list(read_genes(path, long, long.names, bins))
    table = pd.read_csv(path, sep="\t", comment="#", header=None, quoting=3)
    for attribute in ("gene_id", "transcript_id", "gene_name"):
        table[attribute] = table[8].str.extract(f'{attribute} "(.*?)"')
    rows = {feature: table[table[2] == feature] for feature in ("gene", "transcript", "exon")}
    sites = rows["transcript"][3].where(rows["transcript"][6] == "+", rows["transcript"][4]) - 1
    expected = []
    for gene in rows["gene"].itertuples():
        own = sorted(set(sites[rows["transcript"].gene_id == gene.gene_id]))
        bases = {
            "tss": set(own),
            "body": set(range(gene[4] - 1, gene[5])),
            "exons": {
                base
                for exon in rows["exon"][rows["exon"].gene_id == gene.gene_id].itertuples()
                for base in range(exon[4] - 1, exon[5])
            },
        }[bins]
        expected.append((gene.gene_id, gene.gene_name, gene[7], bases, tuple(own)))
    assert len(expected) == 22
    assert sorted(
        (g.gene_id, g.gene_name, g.strand, {b for i in g.intervals for b in range(*i)}, g.sites)
        for g in found
    ) == sorted(expected)  # fmt: skip
    starts = [gene.intervals[0][0] for gene in found]
    assert starts == sorted(starts)


@st.composite
def some_genes(draw):
    """Genes of one contig with up to four intervals each, some of them long."""
    genes = []
    for number in range(draw(st.integers(0, 12))):
        ends = draw(
            st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True)
            .filter(lambda ends: len(ends) % 2 == 0)
            .map(sorted)
        )
        intervals = tuple(zip(ends[::2], ends[1::2], strict=True))
        genes.append(Gene("chr1", f"G{number}", "", "+", intervals, ()))
    return genes


@given(some_genes(), st.integers(-5, 65), st.integers(-5, 65))
def test_overlapping_is_what_a_loop_finds(genes, start, end):
    elsewhere = [gene._replace(contig="chr2") for gene in genes]
    expected = [
        gene
        for gene in genes
        if set(range(start, end)) & {base for one in gene.intervals for base in range(*one)}
    ]
    expected.sort(key=lambda gene: (gene.intervals[0][0], gene.intervals[-1][1], gene.gene_id))
    assert Genes(genes + elsewhere).overlapping("chr1", start, end) == expected
    assert len(Genes(genes + elsewhere)) == 2 * len(genes)
    assert Genes(genes).overlapping("chr3", start, end) == []


def test_a_gene_whose_intervals_lie_to_both_sides_does_not_overlap(read, genome, tmp_path):
    (tmp_path / "b.gtf").write_text(GENCODE)
    genes = read_genes(tmp_path / "b.gtf", genome, genome.names, "exons")
    plus, minus = genes_as("exons")
    assert genes.overlapping("chr1", 130, 150) == []
    assert genes.overlapping("chr1", 129, 150) == [plus]
    assert genes.overlapping("chr1", 130, 171) == [plus, minus]
    assert genes.overlapping("chr1", 240, 900) == [plus]
    assert genes.overlapping("chr2", 0, 500) == []


GENE = gtf_row("chr1", "gene", 5, 9, "+", 'gene_id "G"')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"no gene is in .*g\.fa \(chr1, chr2, chrX, .*\); give genes, tr"),
        (HEADER, "no gene is in"),
        (gtf_row("chr1", "CDS", 5, 9, "+", 'gene_id "G"'), "no gene is in"),
        (GENE.replace("chr1", "chr9"), r"none of its contigs \(chr9\) is in .*; give genes"),
        ("##gff-version 3\n" + GENE, "is GFF3; expected a GTF file .*: `gffread -T`"),
        (GENE.replace("gene_id ", "ID=gene:"), "line 1 has attributes of GFF3; expected a GTF"),
        ("##fileformat=VCFv4.2\n", "is a VCF; expected a GTF file"),
        ("chr1\t5\t.\tA\tC\t.\t.\t.\n", "line 1 is 'chr1.*; expected nine columns"),
        ("chr1\t4\t9\n", r"line 1 is 'chr1\\t4\\t9'; expected nine columns"),
        (b"PAR1", r"is a Parquet file; expected a GTF file \(plain, gzip or bgzip\)"),
        (b"\xfd7zXZ\0", "is compressed with xz; expected a GTF file"),
        ("<!DOCTYPE html>\n", "is a web page .*; expected a GTF file"),
        (gzip.compress(b"<html>\n", mtime=0), "line 1 is '<html>'"),
        (HEADER + GENE + GENE.replace("\t5\t", "\tx\t"), "line 5 is"),
        (GENE + GENE.replace("\t5\t", "\t5e0\t"), "line 2 is"),
        (GENE.replace("\t5\t", "\t٥\t"), "line 1 is"),
        (GENE.replace("\t5\t", "\t0\t"), r"line 1 is .*start and end \(1-based, both incl"),
        (GENE.replace("\t5\t", "\t10\t"), "line 1 is"),
        (GENE.replace("\t9\t", "\t" + 5000 * "9" + "\t"), "line 1 is"),
        (GENE.replace("+", "x"), "line 1 is"),
        (GENE + GENE[:-20], "line 2 is"),
        (GENE.replace("\t", " "), "line 1 is"),
        (GENE.replace("gene_id", "id"), "line 1, of feature gene, has .* expected gene_id, in"),
        (GENE.replace('"G"', '"G'), "line 1, of feature gene"),
        (GENE.replace('"G"', '""'), "line 1, of feature gene"),
        (GENE.replace('gene_id "G";', ""), "line 1, of feature gene, has ''"),
        (GENE.replace('gene_id "G"', "g1"), "line 1, of feature gene, has 'g1;'"),
        (GENE.encode().replace(b"G", b"\xe9"), "line 1, of feature gene"),
        (GENE.replace("\tgene", "\texon"), "line 1, of feature exon, .* gene_id and trans"),
        (GENE.replace("\t9\t", "\t1001\t"), "line 1: gene G ends at 1001, and chr1 of .*g.fa "
         "at 1000: they are of different builds; give the genes of the genome's build"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(content, message, read, tmp_path):
    with pytest.raises(OptionError, match=message) as found:
        read(content)
    assert str(found.value).startswith(f"genes {tmp_path / 'a.gtf'}: ")
    assert "\n" not in str(found.value)


def test_no_genes_with_such_bins(read):
    with pytest.raises(OptionError, match="none of its 2 genes has rows of exons, which gene"):
        read("".join(GENE_ROWS), "exons")
    with pytest.raises(
        OptionError, match="none of its 1 genes has a strand, which gene bins tss"
    ):
        read(GENE.replace("+", "."))


def test_files_that_are_not_there_or_not_whole(read, genome, tmp_path):
    for name in ("none.gtf", "."):
        with pytest.raises(OptionError, match="no such file; give a GTF file"):
            read_genes(tmp_path / name, genome, genome.names)
    with pytest.raises(VcfError, match=r"reading stopped near line .* is cut there; copy or"):
        read(gzip.compress(GENCODE.encode())[:-20])
    with pytest.raises(OptionError, match="compressed with bgzip, but it has no end-of-file"):
        read(bgzipped(GENCODE, tmp_path)[:-28])
    spoilt = gzip.compress((GENCODE + "damage\n").encode())[:-8] + bytes(8)
    with pytest.raises(VcfError, match="corrupt there"):  # rather than a line that is none
        read(spoilt)
