"""What ChIP was for: spellings of a target, and which kind of protein it is."""

from __future__ import annotations

import re
from pathlib import Path

# Where the published table spells one target in several ways, or by an antibody.
SPELLINGS = {
    "CEBPb": "CEBPB",
    "ERM": "ETV5",
    "EVI1": "MECOM",
    "GR": "NR3C1",
    "H3K27Ac": "H3K27ac",
    "HIF1a": "HIF1A",
    "NKX2.2": "NKX2-2",
    "RNAPII": "POLR2A",
}

# A histone, one of its variants, or a modification of one: H3K27ac, H2AFZ, H3F3A, H4K20me1.
HISTONE = re.compile(r"H(1|2A|2B|3|4)(F[A-Z0-9]+)?([KSTR]\d+\w*)?")

# Proteins that bind no sequence of their own: cofactors, chromatin remodellers and modifiers,
# cohesin, polymerases and general factors, proteins that bind RNA, of repair and replication.
# What is not among them and no histone counts as a transcription factor.
COFACTORS = frozenset((Path(__file__).parent / "cofactors.txt").read_text("ascii").split())

_TAG = re.compile(r"^(eGFP|3xFLAG)-|^h(?=[A-Z])")
_ARRAYED = re.compile(r"batch\d+_chrom\d+_[^_]+_(.+)_(?:Rabbit|Mouse|Goat)_PassedQC")
_NAMED = re.compile(r"ChIP_h([A-Z0-9]+a?)")


def target_of(said: str, sample: str) -> str:
    """Return what was precipitated: a gene's symbol or a histone's mark; empty if unknown.

    Parameters
    ----------
    said : str
        The second part of a description, ``eGFP-ZNF24``; of some tracks "." or an antibody's
        maker.
    sample : str
        The rest of it, which names the target where `said` does not.
    """
    if said in (".", "abcam", "active"):
        found = _ARRAYED.match(sample) or _NAMED.match(sample)
        said = found[1] if found else ""
    name = _TAG.sub("", said)
    return SPELLINGS.get(name, name)


def class_of(target: str) -> str:
    """Return a target's kind: histone, TF (binds its own sequence) or other ChIP."""
    if HISTONE.fullmatch(target):
        return "histone"
    return "other ChIP" if target in COFACTORS or not target else "TF"
