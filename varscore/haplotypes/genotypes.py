"""Genotypes of a VCF's or BCF's samples: which allele each copy of a chromosome carries.

cyvcf2 reads them, into an array a record. It passes over a file that was cut between two
blocks, over samples that the header does not name, and ends the process at some lines; so the
lines are read here, too, a little ahead of it.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import cyvcf2
import numpy as np
from numpy.typing import NDArray

from varscore.errors import VcfError
from varscore.inputs.forms import recognise
from varscore.inputs.htslib import open_start
from varscore.inputs.lines import read_columns, read_meta_lines
from varscore.inputs.vcf import COLUMNS, contig_declared

MISSING, ABSENT, UNKNOWN = -1, -2, -3
"""In place of an allele's number: `.`; no second copy; which copy has which is not told."""

_HAPLOID, _WITHOUT_SET, _FIRST_SET = 1, 2, 3  # phases; 0 is in phase with everything
_NO_INTEGER = -(1 << 31)  # htslib's missing value
_FIRST_NAMED_SET = 1 << 40  # beyond all that are numbers


class Genotypes(NamedTuple):
    """The genotypes of one record's samples.

    Attributes
    ----------
    stop : int
        0-based end, exclusive, of what the record is about: of REF or what its END says.
    copies : ndarray of int16, shape (samples, 2)
        The number of the allele that each copy of the chromosome carries, 0 for REF; or
        `MISSING`, `ABSENT` or `UNKNOWN`.
    phases : ndarray of int64, shape (samples,)
        Genotypes of one number are in phase with each other; those of 0 with all others.
    carried : ndarray of int, shape (alleles,)
        How often each allele was called, REF first, phased or not.
    missing, unphased, polyploid : int
        Genotypes that are not told; of which copies are not; and of more than two copies.
    """

    stop: int
    copies: NDArray[np.int16]
    phases: NDArray[np.int64]
    carried: NDArray[np.intp]
    missing: int
    unphased: int
    polyploid: int


class GenotypeFile:
    """A VCF or BCF with samples, read once from its beginning; a context manager.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.

    Attributes
    ----------
    samples : list of str

    Raises
    ------
    VcfError
        If it is neither, or has no samples.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        kind = recognise(path, name).kind
        header = read_meta_lines(path, name) if kind in ("vcf", "bcf") else [""]
        self._is_bcf = kind == "bcf"
        self._contigs = set(map(contig_declared, header))
        self.samples = header[-1].split("\t")[len(COLUMNS) + 1 :]
        if not self.samples:
            raise VcfError(
                f"{name}: has no samples; expected a VCF or BCF with phased genotypes, such as "
                "0|1"
            )
        open_start(path).close()
        try:
            self._records = cyvcf2.VCF(str(path))
        except Exception as error:  # cyvcf2 has no narrower one
            raise VcfError(
                f"{name}: htslib reads no genotypes under this header; expected ##fileformat "
                "in its first line and samples of different names; mend it"
            ) from error
        self._lines = read_columns(path, name)
        self._next = 0
        self._set_names: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._records.close()

    def at(self, number: int, chrom: str, pos: int, alts: int) -> Genotypes:
        """Return the genotypes of a record; those before it are gone then.

        Parameters
        ----------
        number : int
            0-based, of the data line.
        chrom, pos, alts
            What stands there: contig, 1-based position, and how many alleles besides REF.

        Raises
        ------
        VcfError
            If the record, or one before, cannot be read or is another.
        """
        while self._next <= number:
            where, record = self._advance()
        if (chrom, pos) != (record.CHROM, record.POS):
            raise VcfError(
                f"{where} is {chrom}:{pos} when its alleles are read and {record.CHROM}:"
                f"{record.POS} when its genotypes are; the file was changed: copy it again"
            )
        genotypes = self._genotypes(record, alts)
        # A number that is too large for cyvcf2's 16 bits comes as one below the smallest.
        if len(genotypes.carried) > alts + 1 or genotypes.copies.min() < UNKNOWN:
            raise VcfError(
                f"{where} has a genotype of an allele that it does not list; expected numbers "
                f"up to {alts}"
            )
        return genotypes

    def _advance(self) -> tuple[str, Any]:
        """Read one more record; return what it is called, too."""
        where = f"{self.name}: record {self._next + 1}"
        try:
            if not self._is_bcf:
                where = self._look_ahead()
            self._next += 1
            return where, next(self._records)
        except VcfError:
            raise
        except Exception as error:  # cyvcf2 has no narrower one
            raise VcfError(
                f"{where}: its genotypes cannot be read; expected GT such as 0|1 or . for each "
                "sample, as VCF 4.3 has it"
            ) from error

    def _look_ahead(self) -> str:
        """Look at the next line before htslib does; return what it is called."""
        number, columns = next(self._lines)
        where = f"{self.name}: line {number}"
        found = columns[-1].count("\t") if len(columns) > len(COLUMNS) else 0
        if found != len(self.samples):
            raise VcfError(
                f"{where} has {found} samples; expected {len(self.samples)}, as the line of "
                "columns has; mend it, or copy the file again"
            )
        if columns[0] not in self._contigs:
            # Of a contig that is not declared, a line that cannot be parsed ends the process.
            self._records.add_to_header(f"##contig=<ID={columns[0]}>")
            self._contigs.add(columns[0])
        return where

    def _genotypes(self, record: Any, alts: int) -> Genotypes:
        if "GT" in record.FORMAT:
            called = record.genotype.array()
        else:
            called = np.full((len(self.samples), 3), MISSING, np.int16)
        alleles, phased = called[:, :-1].copy(), called[:, -1] > 0
        carried = np.bincount(alleles[alleles >= 0], minlength=alts + 1)
        more = np.zeros(len(alleles), bool)
        if alleles.shape[1] == 1:
            alleles = np.column_stack([alleles, np.full(len(alleles), ABSENT, np.int16)])
        elif alleles.shape[1] > 2:
            more = (alleles[:, 2:] != ABSENT).any(axis=1)
        copies = alleles[:, :2].copy()
        copies[(copies == [MISSING, ABSENT]).all(axis=1)] = MISSING  # `.` in place of `./.`
        haploid = copies[:, 1] == ABSENT
        missing = (copies == MISSING).any(axis=1)
        differ = (copies[:, 0] != copies[:, 1]) & ~haploid
        unphased = differ & ~phased
        copies[unphased | more] = UNKNOWN
        phases = np.where(differ, self._phase_sets(record), 0)
        phases[haploid] = _HAPLOID
        return Genotypes(
            record.end,
            copies,
            phases,
            carried,
            missing=int((missing & ~more).sum()),
            unphased=int((unphased & ~missing & ~more).sum()),
            polyploid=int(more.sum()),
        )

    def _phase_sets(self, record: Any) -> NDArray[np.int64] | int:
        """Return the number of the phase set of each sample's genotype."""
        values = record.format("PS") if "PS" in record.FORMAT else None
        if values is None:
            return _WITHOUT_SET
        values = values.reshape(len(self.samples), -1)[:, 0]
        if values.dtype.kind == "i":
            sets = values.astype(np.int64) - _NO_INTEGER + _FIRST_SET
            return np.where(values == _NO_INTEGER, _WITHOUT_SET, sets)
        names = self._set_names
        for name in map(str, values):
            names.setdefault(
                name, _WITHOUT_SET if name == "." else _FIRST_NAMED_SET + len(names)
            )
        return np.array([names[str(name)] for name in values])


def silence() -> None:
    """Keep cyvcf2, which has an htslib of its own, from writing to stderr.

    As `varscore.inputs.htslib.silence` does with pysam's.
    """
    with suppress(AttributeError):  # where its build does not show htslib's functions
        ctypes.CDLL(cyvcf2.cyvcf2.__file__).hts_set_log_level(0)
