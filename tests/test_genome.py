"""The genome's bases are the file's, whatever its form; a wrong index is never believed."""

import cProfile
import gzip
import hashlib
import os
import pstats
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyfaidx
import pysam
import pytest
import writers
from needs import lacking

from varscore.errors import GenomeError, OptionError
from varscore.inputs.genome import ReferenceGenome, parse_region
from varscore.variant import Interval

RNG = random.Random(3)
CONTIGS = {
    "chr2": "".join(RNG.choices("ACGTacgtN", k=250_003)),
    "chr1": "".join(RNG.choices("ACGTRYKM", k=70)),  # exactly one line
    "MT": "ACGTACGTGG",
    "HLA:01-02": "".join(RNG.choices("ACGT", k=141)),
}


def fasta(contigs: dict[str, str], end: str = "\n", width: int = 70) -> bytes:
    text = writers.fasta(contigs, end=end, width=width, description=" a description")
    return text.encode()


def bgzip(text: bytes, path: Path, block: int = 0xFF00) -> Path:
    """Write a bgzipped file; Biopython's blocks hold 65,536 bytes, bgzip's 65,280."""
    with open(path, "wb") as file:
        for start in range(0, len(text), block):
            file.write(_bgzf_block(text[start : start + block]))
        file.write(_bgzf_block(b""))
    return path


def _bgzf_block(text: bytes) -> bytes:
    member = gzip.compress(text, mtime=0)
    if not text:
        return bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
    extra = b"\x06\x00BC\x02\x00" + (len(member) + 7).to_bytes(2, "little")
    return member[:3] + b"\x04" + member[4:10] + extra + member[10:]


FORMS: dict[str, Callable[[Path], Path]] = {}


def form(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    FORMS[make.__name__] = make
    return make


@form
def plain(folder: Path) -> Path:
    path = folder / "genome.fa"
    path.write_bytes(fasta(CONTIGS))
    return path


@form
def crlf(folder: Path) -> Path:
    path = folder / "genome.fa"
    path.write_bytes(fasta(CONTIGS, end="\r\n"))
    return path


@form
def no_last_newline(folder: Path) -> Path:
    path = folder / "genome.fa"
    path.write_bytes(fasta(CONTIGS).rstrip())
    return path


@form
def blank_lines_at_the_end(folder: Path) -> Path:
    path = folder / "genome.fa"
    path.write_bytes(fasta(CONTIGS) + b"\n\n")
    return path


@form
def bgzipped(folder: Path) -> Path:
    path = plain(folder)
    pysam.tabix_compress(str(path), str(path) + ".gz")
    return Path(str(path) + ".gz")


@form
def bgzipped_in_full_blocks(folder: Path) -> Path:
    return bgzip(fasta(CONTIGS), folder / "genome.fa.gz", block=1 << 16)


@form
def bgzipped_under_a_plain_name(folder: Path) -> Path:
    return bgzip(fasta(CONTIGS), folder / "genome.fasta")


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_bases_are_the_files(make: Callable[[Path], Path], tmp_path: Path) -> None:
    rng = random.Random(4)
    with ReferenceGenome(make(tmp_path)) as genome:
        assert list(genome.lengths.items()) == [(n, len(b)) for n, b in CONTIGS.items()]
        for contig, bases in CONTIGS.items():
            padded = 300_000 * "N" + bases.upper() + 300_000 * "N"
            intervals = [(0, len(bases)), (-7, len(bases) + 9), (5, 5), (-9, -2), (-9, 0)]
            intervals += [(len(bases), len(bases) + 4), (len(bases) + 4, len(bases) + 9)]
            for reach in (1, 100, 3_000, 40_000):
                starts = (rng.randint(-reach, len(bases) + reach) for _ in range(30))
                intervals += [(start, start + rng.randint(0, reach)) for start in starts]
            for start, end in intervals:
                found = genome.fetch(Interval(contig, start, end))
                assert found == padded[300_000 + start : 300_000 + end], (contig, start, end)


@pytest.mark.parametrize("make", [plain, crlf, no_last_newline])
def test_bases_are_those_that_pyfaidx_reads(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    rng = random.Random(5)
    path = make(tmp_path)
    index = str(tmp_path / "pyfaidx.fai")  # each makes its own
    with (
        pyfaidx.Fasta(str(path), as_raw=True, strict_bounds=True, indexname=index) as oracle,
        ReferenceGenome(path) as genome,
    ):
        assert list(genome.lengths.items()) == [(r.name, len(r)) for r in oracle]
        for _ in range(500):
            contig = rng.choice(list(genome.lengths))
            start, end = sorted(rng.choices(range(genome.lengths[contig] + 1), k=2))
            if start < end:
                expected = oracle[contig][start:end].upper()
                assert genome.fetch(Interval(contig, start, end)) == expected


def test_every_start_around_a_block_boundary(tmp_path: Path) -> None:
    """Positions at which a block of 65,536 bytes ends: pyfaidx fails at one of them."""
    bases = CONTIGS["chr2"].upper()
    with ReferenceGenome(bgzipped_in_full_blocks(tmp_path)) as genome:
        for start in range(64_400, 64_800):  # 65,536 bytes hold about 64,600 bases
            genome.fetch(Interval("MT", 0, 1))  # so that a new piece is read
            end = start + 20_000
            assert genome.fetch(Interval("chr2", start, end)) == bases[start:end]


def test_wrong_calls_are_bugs(tmp_path: Path) -> None:
    with ReferenceGenome(plain(tmp_path)) as genome:
        with pytest.raises(KeyError):
            genome.fetch(Interval("chr3", 0, 5))
        with pytest.raises(ValueError, match="ends before it starts"):
            genome.fetch(Interval("chr1", 5, 4))


def test_digest_is_the_m5_of_sam(tmp_path: Path) -> None:
    with ReferenceGenome(plain(tmp_path)) as genome:
        assert genome.digest(["HLA:01-02", "chr2"]) == {
            name: hashlib.md5(CONTIGS[name].upper().encode()).hexdigest()
            for name in ("HLA:01-02", "chr2")
        }
    path = tmp_path / "known.fa"
    path.write_text(">a\nAcgT\n")
    with ReferenceGenome(path) as genome:
        assert genome.digest(["a"]) == {"a": "f1f8f4bf413b16ad135722aa4591043e"}  # ACGT


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
        (
            "chr1",
            {"2": None, "chr11": None, "": None, "MT": None, "CHR1": "chr1"},
        ),
        ("GL000192.1", {"GL000192.1": "GL000192.1", "chrGL000192.1": "GL000192.1"}),
    ],
)
def test_names(contigs: str, names: dict[str, str | None], tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_bytes(fasta(dict.fromkeys(contigs.split(), "ACGT")))
    with ReferenceGenome(path) as genome:
        assert {name: genome.resolve(name) for name in names} == names


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("chr2", ("chr2", 0, 250_003)),
        ("2", ("chr2", 0, 250_003)),
        ("chr2:1-1000", ("chr2", 0, 1000)),
        ("2:100,001-100,002", ("chr2", 100_000, 100_002)),
        ("chr2:250003-250003", ("chr2", 250_002, 250_003)),
        ("chr2:7-9999999", ("chr2", 6, 250_003)),
        ("HLA:01-02", ("HLA:01-02", 0, 141)),  # a name, although it looks like a region
        ("HLA:01-02:5-6", ("HLA:01-02", 4, 6)),
        ("chrM:1-2", ("MT", 0, 2)),
    ],
)
def test_regions(text: str, interval: tuple[str, int, int], tmp_path: Path) -> None:
    with ReferenceGenome(plain(tmp_path)) as genome:
        assert parse_region(text, genome) == interval


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr9", "has no contig 'chr9', only chr2, chr1, MT, HLA:01-02"),
        ("chr9:1-5", "has no contig 'chr9'"),
        ("chr2:5", "not of the form"),
        ("chr2:5-", "not of the form"),
        ("chr2:a-b", "not of the form"),
        ("chr2:,-5", "not of the form"),
        ("chr2:1-5-7", "not of the form"),
        ("", "no contig ''"),
        ("chr2:0-5", "at least 1"),
        ("chr2:9-5", "at most its last"),
        ("chr2:250004-250005", "at most 250003"),
    ],
)
def test_bad_regions(text: str, message: str, tmp_path: Path) -> None:
    with (
        ReferenceGenome(plain(tmp_path)) as genome,
        pytest.raises(OptionError, match=message) as caught,
    ):
        parse_region(text, genome)
    assert str(caught.value).startswith(f"region {text!r}")


def test_threads_share_a_genome(tmp_path: Path) -> None:
    bases = CONTIGS["chr2"].upper()
    with ReferenceGenome(bgzipped(tmp_path)) as genome:

        def agree(seed: int) -> bool:
            rng = random.Random(seed)
            for _ in range(200):
                start = rng.randrange(200_000)
                end = start + rng.choice((10, 30_000))
                if genome.fetch(Interval("chr2", start, end)) != bases[start:end]:
                    return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(agree, range(8)))


def test_closing_waits_for_a_read_in_progress(tmp_path: Path) -> None:
    """Else the file would be closed below the read, which ends the process by a signal."""
    bases = CONTIGS["chr2"].upper()
    path = bgzipped(tmp_path)

    def read_for_ever(genome: ReferenceGenome, begun: threading.Barrier) -> None:
        begun.wait(60)
        while genome.fetch(Interval("chr2", 10, 100_000)) == bases[10:100_000]:
            pass

    for _ in range(20):
        with ThreadPoolExecutor(4) as pool:
            with ReferenceGenome(path) as genome:
                begun = threading.Barrier(5)
                readers = [pool.submit(read_for_ever, genome, begun) for _ in range(4)]
                begun.wait(60)
            for reader in readers:
                with pytest.raises(ValueError, match=r"fa\.gz: the genome was closed"):
                    reader.result(60)


def test_a_closed_genome_is_not_read_from_memory_either(tmp_path: Path) -> None:
    genome = ReferenceGenome(plain(tmp_path))
    assert genome.fetch(Interval("chr2", 5, 9)) == CONTIGS["chr2"][5:9].upper()
    genome.close()
    genome.close()  # no matter
    for interval in (Interval("chr2", 5, 9), Interval("chr2", -9, -5)):
        with pytest.raises(ValueError, match=r"genome\.fa: the genome was closed"):
            genome.fetch(interval)
    with pytest.raises(ValueError, match="closed"):
        genome.digest(["chr2"])


def test_forked_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    script = """
import os, sys
from varscore.inputs.genome import ReferenceGenome
from varscore.variant import Interval
genome = ReferenceGenome(sys.argv[1])
bases = "".join(line for line in open(sys.argv[2])).upper()
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        wrong = sum(
            genome.fetch(Interval("chr2", at, at + 20_000)) != bases[at : at + 20_000]
            for at in range(child * 1_000, 200_000, 1_777)
        )
        os._exit(1 if wrong else 0)
    children.append(pid)
sys.exit(sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children))
"""
    (tmp_path / "bases").write_text(CONTIGS["chr2"])
    command = [sys.executable, "-c", script, str(plain(tmp_path)), str(tmp_path / "bases")]
    assert subprocess.run(command).returncode == 0


def test_processes_may_index_at_once(tmp_path: Path) -> None:
    path = bgzipped(tmp_path)
    script = (
        "import sys; from varscore.inputs.genome import ReferenceGenome\n"
        "print(ReferenceGenome(sys.argv[1]).digest(['chr2'])['chr2'])"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    digests = {process.communicate()[0].decode().strip() for process in processes}
    assert [process.returncode for process in processes] == 4 * [0]
    assert digests == {hashlib.md5(CONTIGS["chr2"].upper().encode()).hexdigest()}
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "genome.fa",
        "genome.fa.gz",
        "genome.fa.gz.fai",
        "genome.fa.gz.gzi",
    ]


# The index: what is believed, what is made anew, what is an error.

OTHER = {"chr2": CONTIGS["chr2"][:90_000], **{n: b for n, b in CONTIGS.items() if n != "chr2"}}


def indexed(path: Path) -> dict[Path, bytes]:
    ReferenceGenome(path).close()
    return {file: file.read_bytes() for file in sorted(path.parent.glob("*.*i"))}


def make_older(*files: Path) -> None:
    for file in files:
        os.utime(file, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("make", [plain, bgzipped])
def test_index_is_what_samtools_makes(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    made = indexed(path)
    for file in made:
        file.unlink()
    pysam.faidx(str(path))
    assert made == {file: file.read_bytes() for file in made}


@pytest.mark.parametrize("make", [plain, bgzipped])
def test_index_that_fits_is_used_although_it_is_older(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path)
    made = indexed(path)
    make_older(*made)
    with ReferenceGenome(path) as genome:
        assert genome.fetch(Interval("chr2", 0, 9)) == CONTIGS["chr2"][:9].upper()
    assert all(file.stat().st_mtime == 1_000_000_000 for file in made)


@pytest.mark.parametrize("make", [plain, bgzipped])
def test_older_index_that_does_not_fit_is_made_anew(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path)
    make_older(*indexed(path))
    text = fasta(OTHER, width=60)
    if path.suffix == ".gz":
        bgzip(text, path)
    else:
        path.write_bytes(text)
    with ReferenceGenome(path) as genome:
        assert genome.lengths["chr2"] == 90_000
        assert genome.fetch(Interval("MT", 0, 10)) == "ACGTACGTGG"


@pytest.mark.parametrize(
    "text",
    [
        fasta(OTHER),  # another length
        fasta(CONTIGS, width=60),  # other lines
        fasta({f"{name}x": bases for name, bases in CONTIGS.items()}),  # other names
        fasta(CONTIGS)[:-100],  # cut within a contig
        fasta(CONTIGS)[:200_000],
        fasta(CONTIGS | {"more": "ACGT"}),
    ],
)
def test_newer_index_that_does_not_fit_is_an_error(text: bytes, tmp_path: Path) -> None:
    path = plain(tmp_path)
    indexed(path)
    path.write_bytes(text)
    make_older(path)
    with pytest.raises(
        GenomeError, match=r"its index does not fit.*remove .*genome.fa.fai, to have"
    ):
        ReferenceGenome(path)


def many(count: int) -> dict[str, str]:
    return {f"sc{n}": "".join(RNG.choices("ACGT", k=1 + n % 90)) for n in range(count)}


@pytest.mark.parametrize("block", [None, 0xFF00, 1 << 16, 1_000])
def test_many_short_contigs(block: int | None, tmp_path: Path) -> None:
    contigs = many(5_000)  # several of bgzip's blocks, hundreds of contigs in each
    path, text = tmp_path / "genome.fa", fasta(contigs)
    bgzip(text, path, block) if block else path.write_bytes(text)
    with ReferenceGenome(path) as genome:
        assert genome.lengths == {name: len(bases) for name, bases in contigs.items()}
        for name in ("sc0", "sc2501", "sc4999"):
            assert genome.fetch(Interval(name, 0, 90)) == contigs[name].ljust(90, "N")
    # The last but one is called otherwise than in the index: no piece is passed over.
    text = text.replace(b">sc4998 ", b">sc4997 ")
    bgzip(text, path, block) if block else path.write_bytes(text)
    make_older(path)
    with pytest.raises(GenomeError, match=r"contig sc4998 is not where"):
        ReferenceGenome(path)


@pytest.mark.parametrize("bgzipped", [False, True])
def test_a_contig_costs_few_calls_at_the_start(bgzipped: bool, tmp_path: Path) -> None:
    """A measure of work that no clock has a part in: it was 600 calls a contig once."""
    path, text = tmp_path / "genome.fa", fasta(many(3_000))
    bgzip(text, path) if bgzipped else path.write_bytes(text)
    ReferenceGenome(path).close()
    profile = cProfile.Profile()
    profile.runcall(ReferenceGenome, path)
    assert pstats.Stats(profile).total_calls < 20 * 3_000


def test_index_of_the_same_text_in_other_blocks_is_an_error(tmp_path: Path) -> None:
    path = bgzip(fasta(CONTIGS), tmp_path / "genome.fa.gz", block=30_000)
    indexed(path)
    bgzip(fasta(CONTIGS), path, block=29_000)
    make_older(path)
    with pytest.raises(GenomeError, match="its index does not fit"):
        ReferenceGenome(path)


def test_garbled_index_is_an_error(tmp_path: Path) -> None:
    path = plain(tmp_path)
    path.with_name("genome.fa.fai").write_text("chr2\tmany\n")
    with pytest.raises(GenomeError, match="its index does not fit"):
        ReferenceGenome(path)


@contextmanager
def read_only(*files: Path) -> Iterator[Path]:
    """Give a folder with copies of files, which this process cannot write to, root or not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in files:
            shutil.copy2(file, folder)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            try:
                os.seteuid(65534)  # nobody: root could write all the same
            except OSError:
                lacking("root, and this system lets it become nobody else")
        try:
            with pytest.raises(PermissionError):
                (folder / "a file").touch()
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.parametrize("make", [plain, bgzipped])
def test_no_index_in_a_read_only_folder(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with (
        read_only(make(tmp_path)) as folder,
        pytest.raises(GenomeError, match=r"has no index .*samtools faidx") as caught,
    ):
        ReferenceGenome(next(folder.iterdir()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [plain, bgzipped])
def test_index_in_a_read_only_folder(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    made = indexed(path)
    make_older(*made)
    with read_only(path, *made) as folder, ReferenceGenome(folder / path.name) as genome:
        assert genome.fetch(Interval("MT", 2, 4)) == "GT"


def test_older_index_that_does_not_fit_in_a_read_only_folder(tmp_path: Path) -> None:
    path = plain(tmp_path)
    made = indexed(path)
    path.write_bytes(fasta(OTHER))
    make_older(*made)
    with (
        read_only(path, *made) as folder,
        pytest.raises(GenomeError, match=r"is not where .*samtools faidx"),
    ):
        ReferenceGenome(folder / path.name)


# Files that are no genome.

WHOLE = fasta(CONTIGS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"hello\n", "not a FASTA file"),
        (b"##fileformat=VCFv4.2\n", "not a FASTA file"),
        (b"@read\nACGT\n+\nIIII\n", "not a FASTA file"),
        (b"\xef\xbb\xbf>a\nACGT\n", "not a FASTA file"),
        (
            b">a\nACGT\nAC\nACGT\n",
            r'indexed \(Format error, unexpected "A" at line 4\).*equally long',
        ),
        (b">a\nACGT\n\nACGT\n", "cannot be indexed.*none is blank"),
        (b">a\n", r"cannot be indexed \(File truncated at line 2\).*every contig has bases"),
        (b">a\nAC\n>b\n", r"cannot be indexed \(File truncated at line 4\)"),
        (b"> a\nACGT\n", "header of contig a .* a blank after '>'"),
        (b">\nACGT\n", "it has a header without a name"),
        (b">a\nACGT\n>b\nAC\n>a\nGGGG\n>c\nA\n", "not a sound FASTA file.*different names"),
        (b">a\nACGT\n>a\nGGGG\n", 'Ignoring duplicate sequence "a".*different names'),
        (b">a\nAC GT\nACGTA\nACGTA\n", "not a sound FASTA file.*lines of letters"),
        (gzip.compress(b">a\nACGT\n", mtime=0), "plain gzip.*`bgzip`"),
        (_bgzf_block(WHOLE[:60_000]), "has no end-of-file block: it is cut, or .*`zcat "),
        (_bgzf_block(WHOLE[:60_000]) + _bgzf_block(b"")[:20], "is cut: what follows byte 2"),
        (_bgzf_block(b"hello\n") + _bgzf_block(b""), "cannot be indexed"),
    ],
)
def test_bad_files_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_bytes(content)
    for _ in range(2):  # the first try leaves no index that the second would believe
        with pytest.raises(GenomeError, match=message) as caught:
            ReferenceGenome(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["genome.fa"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(GenomeError, match="no such file"):
        ReferenceGenome(tmp_path / "absent.fa")
    with pytest.raises(GenomeError, match="not a regular file"):
        ReferenceGenome(tmp_path)


def test_damage_within_a_bgzipped_file_is_an_error(tmp_path: Path) -> None:
    path = bgzip(fasta(CONTIGS), tmp_path / "genome.fa.gz", block=30_000)
    indexed(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    genome = ReferenceGenome(path)
    with pytest.raises(GenomeError, match=r"chr2:1-250003 cannot be read: the file is corrupt"):
        genome.fetch(Interval("chr2", 0, 250_003))
    genome.close()
    with pytest.raises(ValueError, match="closed"):
        genome.fetch(Interval("chr2", 0, 250_003))


def test_verbosity_is_left_as_it_was(tmp_path: Path) -> None:
    before = pysam.set_verbosity(2)
    try:
        with ReferenceGenome(bgzipped(tmp_path)) as genome:  # indexed, opened, read
            genome.fetch(Interval("chr2", 0, 9))
        with pytest.raises(GenomeError):
            ReferenceGenome(bgzip(b"hello\n", tmp_path / "other.fa"))
        assert pysam.get_verbosity() == 2
    finally:
        pysam.set_verbosity(before)


def test_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = plain(tmp_path)
    with ReferenceGenome(path) as genome:
        path.write_bytes(fasta(CONTIGS)[:100_000])
        with pytest.raises(GenomeError, match=r"chr2:1-250003 cannot be read"):
            genome.fetch(Interval("chr2", 0, 250_003))


def test_contigs_without_bases_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_text(">none\n>a\nACGT\n>no_more\n>b\nAC\n")
    with ReferenceGenome(path) as genome:
        assert genome.lengths == {"a": 4, "b": 2}
