"""The lines of a VCF or BCF, all of them and whole, and a VCF or BCF made of lines."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import closing, suppress
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pysam
import pysam.bcftools
from pysam.utils import SamtoolsError

from varscore.errors import OutputError, VcfError
from varscore.files.atomic import Partial, naming_output
from varscore.inputs.bcf import check_indices, header_lines, open_bcf
from varscore.inputs.forms import recognise
from varscore.inputs.text import damage_first, read_lines
from varscore.inputs.vcf import COLUMNS, contig_declared, record_fault

Form = Literal["vcf", "vcf.gz", "bcf"]
_SUFFIXES: dict[str, Form] = {
    ".vcf": "vcf", ".vcf.gz": "vcf.gz", ".vcf.bgz": "vcf.gz", ".bcf": "bcf",
}  # fmt: skip
_LARGEST_TBI = 1 << 29  # positions from there on need a CSI index


def form_of(path: Path) -> Form:
    """Return which form a name's suffix stands for.

    Raises
    ------
    OutputError
        If it is none of a VCF's or BCF's.
    """
    for suffix, form in _SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return form
    raise OutputError(
        f"output {path}: its suffix tells no form of VCF; give a name that ends in "
        f"{', '.join(_SUFFIXES)}"
    )


def read_meta_lines(path: Path, name: str) -> list[str]:
    """Read the lines of a header, the last of which names the columns, without their ends.

    Parameters
    ----------
    path : Path
        A VCF, plain or compressed, or a BCF.
    name : str
        Its name in messages.

    Raises
    ------
    VcfError
        If it is neither, cannot be read, or has no line of columns.
    """
    form = recognise(path, name)
    if form.kind == "bcf":
        with open_bcf(path, name, samples=True) as records:
            return header_lines(records, name)
    if form.kind != "vcf":
        raise VcfError(
            f"{name}: is a table of variants; expected a VCF or BCF, the one that was scored"
        )
    with closing(read_lines(path, name)) as numbered:
        lines = [line.rstrip("\r\n") for _, line in takewhile(_is_header, numbered)]
    if not lines or lines[-1].startswith("##"):
        raise VcfError(f"{name}: has no line of columns; add {' '.join(COLUMNS)}, with tabs")
    check_indices("\n".join(lines).encode(errors="surrogateescape"), name)
    return lines


def _is_header(numbered: tuple[int, str]) -> bool:
    return numbered[1].startswith("#")


def read_columns(path: Path, name: str) -> Generator[tuple[int, list[str]], None, None]:
    """Read the lines of all records, without their ends, cut into columns.

    Parameters
    ----------
    path, name
        As for `read_meta_lines`.

    Yields
    ------
    number : int
        1-based number of the line; of a BCF that of the record.
    columns : list of str
        The first eight, of which POS is a whole number, and what there is behind them.

    Raises
    ------
    VcfError
        If the file is not whole, or a line cannot be parsed.
    """
    if recognise(path, name).kind == "bcf":
        with open_bcf(path, name, samples=True) as records:
            try:
                for number, record in enumerate(records, 1):
                    yield number, str(record).rstrip("\n").split("\t", len(COLUMNS))
            except (OSError, ValueError) as error:
                raise VcfError(
                    f"{name}: reading stopped: {error}; copy or download it again"
                ) from error
        return
    with closing(read_lines(path, name)) as lines, damage_first(lines):
        for number, line in dropwhile(_is_header, lines):
            columns = line.rstrip("\r\n").split("\t", len(COLUMNS))
            if len(columns) < len(COLUMNS) or not columns[1].isdecimal():
                raise VcfError(f"{name}: line {number} {record_fault(line)}")
            yield number, columns


class VcfWriter:
    """Writes lines as a VCF, a bgzipped VCF or a BCF, and its index; a context manager.

    Which it is, the suffix says. The file appears when it is committed. One that is sorted by
    contig and position gets an index, but for a plain VCF.

    Parameters
    ----------
    path : Path
    header : list of str
        Lines, the last of which is that of the columns.

    Raises
    ------
    OutputError
        If the suffix tells no form; from then on, if the file cannot be written.
    """

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path, self._form = path, form_of(path)
        self._header = header
        self._partial = Partial(path)
        self._contigs: dict[str, None] = {}  # in order of appearance
        self._last = ("", 0)
        self._largest = 0
        self.is_sorted = True

    def __enter__(self) -> VcfWriter:
        self._partial.__enter__()
        try:
            self._file = self._open()
            if self._form != "bcf":
                self._put(*self._header)
        except BaseException:
            self._partial.__exit__()
            raise
        return self

    def _open(self) -> BinaryIO:
        path = str(self._partial.path)
        if self._form == "vcf":
            return open(path, "wb")
        return cast("BinaryIO", pysam.BGZFile(path, "w", None))

    def _put(self, *lines: str) -> None:
        for line in lines:
            self._file.write(f"{line}\n".encode("utf-8", "surrogateescape"))

    def write(self, chrom: str, pos: int, line: str) -> None:
        """Append a record.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        with naming_output(self.path):
            self._put(line)
        before, last = self._last
        if chrom != before:
            self.is_sorted &= chrom not in self._contigs
            self._contigs[chrom] = None
        elif pos < last:
            self.is_sorted = False
        self._last = chrom, pos
        self._largest = max(self._largest, pos)

    def commit(self) -> Path | None:
        """Let the file appear, and its index, of which the path is returned.

        Raises
        ------
        OutputError
            If that fails.
        """
        with naming_output(self.path):
            self._file.close()
        if self._form == "vcf":
            self._partial.commit()
            return None
        if self._form == "bcf":
            self._make_bcf()
        index = index_path(self.path, csi=self._form == "bcf" or self._largest >= _LARGEST_TBI)
        for former in (index_path(self.path, csi=csi) for csi in (False, True)):
            with naming_output(former):  # it would be taken for that of the new file
                former.unlink(missing_ok=True)
        if not self.is_sorted:
            self._partial.commit()
            return None
        kind = "--csi" if index.suffix == ".csi" else "--tbi"
        with Partial(index) as partial:
            self._run("index", kind, "-f", "-o", str(partial.path), str(self._partial.path))
            self._partial.commit()
            partial.commit()
        return index

    def _make_bcf(self) -> None:
        """Put the header before the records, and make a BCF of both.

        A BCF's header must have all contigs, which only now are known; blocks of two BGZF files
        one after the other are a BGZF file.
        """
        known = {name for line in self._header if (name := contig_declared(line)) is not None}
        missing = [f"##contig=<ID={name}>" for name in self._contigs if name not in known]
        with Partial(self.path) as text, Partial(self.path) as made:
            with naming_output(self.path):
                self._file = cast("BinaryIO", pysam.BGZFile(str(text.path), "w", None))
                self._put(*self._header[:-1], *missing, self._header[-1])
                self._file.close()
                with open(text.path, "ab") as whole, open(self._partial.path, "rb") as records:
                    shutil.copyfileobj(records, whole)
            words = ("--no-version", "-O", "b", "-o", str(made.path), str(text.path))
            self._run("view", *words)
            made.path.replace(self._partial.path)

    def _run(self, command: Literal["view", "index"], *words: str) -> None:
        try:
            getattr(pysam.bcftools, command)(*words, catch_stdout=False)
        except SamtoolsError as error:
            said = " ".join(str(error).split())
            raise OutputError(
                f"output {self.path}: htslib does not make it of this VCF: {said[:300]}; give "
                "a name that ends in .vcf"
            ) from error

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()
        self._partial.__exit__()


def index_path(path: Path, *, csi: bool) -> Path:
    """Return where the index of a bgzipped VCF or a BCF is."""
    return path.with_name(path.name + (".csi" if csi else ".tbi"))
