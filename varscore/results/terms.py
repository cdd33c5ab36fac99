"""What the numbers of a statistic are: in words, and in which unit."""

from __future__ import annotations

from typing import NamedTuple

from varscore.options import StatisticName


class Term(NamedTuple):
    """What a statistic is.

    Attributes
    ----------
    words : str
        What it says of one allele and track.
    unit : str
        Of its numbers, as axes have it.
    """

    words: str
    unit: str


_LOG, _SQRT = "log2(coverage + 1)", "sqrt(coverage)"

TERMS: dict[StatisticName, Term] = {
    "SAD": Term("sum of the predicted coverage with ALT, less that with REF", "coverage"),
    "logSAD": Term("the same as SAD, of log2(coverage + 1)", _LOG),
    "sqrtSAD": Term("the same as SAD, of the square root of coverage", _SQRT),
    "SAX": Term("ALT less REF in the one bin where they differ most", "coverage"),
    "D1": Term("sum of the sizes of all differences", "coverage"),
    "D2": Term("square root of the sum of all squared differences", "coverage"),
    "logD1": Term("the same as D1, of log2(coverage + 1)", _LOG),
    "logD2": Term("the same as D2, of log2(coverage + 1)", _LOG),
    "sqrtD1": Term("the same as D1, of the square root of coverage", _SQRT),
    "sqrtD2": Term("the same as D2, of the square root of coverage", _SQRT),
    "logSED": Term("log2(sum with ALT + 1) less log2(sum with REF + 1)", "log2 ratio"),
    "JS": Term(
        "how much both profiles differ in shape: the mean of KL(REF|ALT) and KL(ALT|REF)",
        "nats",
    ),
    "logJS": Term("the same as JS, of log2(coverage + 1)", "nats"),
    "REF": Term("sum of the predicted coverage with REF", "coverage"),
    "ALT": Term("sum of the predicted coverage with ALT", "coverage"),
}


def term_of(measure: str) -> Term:
    """Return what a measure's statistic is.

    Parameters
    ----------
    measure : str
        As columns name it: ``SAD``, or ``SAD_250`` of one width among several.
    """
    return next(term for name, term in TERMS.items() if name == measure.partition("_")[0])
