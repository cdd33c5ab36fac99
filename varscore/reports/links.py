"""Addresses at which genome browsers show a place. None is asked for anything here."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from varscore.inputs.assemblies import chromosome_of, identify

_AROUND = 500  # bases to either side
_ENSEMBL = {
    "hg38": "https://www.ensembl.org/Homo_sapiens",
    "hg19": "https://grch37.ensembl.org/Homo_sapiens",
    "mm39": "https://www.ensembl.org/Mus_musculus",
}


def browser_links(
    lengths: Mapping[str, int], contig: str, start: int, end: int
) -> tuple[tuple[str, str], ...]:
    """Return where a place can be looked at.

    Parameters
    ----------
    lengths : mapping of str to int
        Of the genome's contigs: they tell which assembly it is.
    contig : str
    start, end : int
        0-based, half-open.

    Returns
    -------
    tuple of (str, str)
        A browser's name and the address: UCSC and Ensembl, if they have the assembly, and the
        reader's own IGV, which shows any genome that is open there.
    """
    first, last = max(1, start + 1 - _AROUND), end + _AROUND
    links = []
    identity, chromosome = identify(lengths), chromosome_of(contig)
    if identity is not None and chromosome is not None:
        name = f"chr{'M' if chromosome == 'MT' else chromosome}"
        build = identity.assembly.ucsc
        links.append(
            (
                f"UCSC ({build})",
                "https://genome.ucsc.edu/cgi-bin/hgTracks?"
                f"db={build}&position={name}%3A{first}-{last}",
            )
        )
        if build in _ENSEMBL:
            place = f"{chromosome}:{first}-{last}"
            links.append(("Ensembl", f"{_ENSEMBL[build]}/Location/View?r={place}"))
    locus = quote(f"{contig}:{first}-{last}", safe="")
    links.append(
        ("IGV, if it is open on this computer", f"http://localhost:60151/goto?locus={locus}")
    )
    return tuple(links)
