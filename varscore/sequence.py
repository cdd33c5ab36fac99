"""DNA as letters."""

from __future__ import annotations

BASES = "ACGT"

_COMPLEMENT = bytes.maketrans(b"ACGTacgt", b"TGCAtgca")
_FIRST_BASE = str.maketrans("RYSWKMBDHV", "ACCAGACAAA")


def reverse_complement(sequence: str) -> str:
    """Return the other strand, read 5' to 3'; letters outside ACGT stay what they are."""
    return sequence.encode("ascii").translate(_COMPLEMENT)[::-1].decode("ascii")


def reduce_ambiguity(sequence: str) -> str:
    """Write each ambiguity letter but N as the alphabetically first base that it stands for.

    That is what a VCF's REF has where the genome has such a letter (VCF 4.3 to 4.5, 1.6.1,
    REF).

    Parameters
    ----------
    sequence : str
        Upper case.
    """
    return sequence.translate(_FIRST_BASE)
