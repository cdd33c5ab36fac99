"""varscore scores genetic variants with a deep model of gene regulation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from varscore.version import __version__

if TYPE_CHECKING:
    from varscore.haplotypes.write import write_haplotypes
    from varscore.meaning.listing import top
    from varscore.models.registry import load_model
    from varscore.options import ScoreOptions
    from varscore.prediction.explanation import explain
    from varscore.prediction.profile import predict_variant
    from varscore.prediction.region import predict_region
    from varscore.prediction.saturation import saturate
    from varscore.reports.page import write_report
    from varscore.results.reading import read_metadata, read_scores
    from varscore.scoring import score, score_vcf

__all__ = [
    "ScoreOptions",
    "__version__",
    "explain",
    "load_model",
    "predict_region",
    "predict_variant",
    "read_metadata",
    "read_scores",
    "saturate",
    "score",
    "score_vcf",
    "top",
    "write_haplotypes",
    "write_report",
]

_HOMES = {
    "ScoreOptions": "varscore.options",
    "explain": "varscore.prediction.explanation",
    "load_model": "varscore.models.registry",
    "predict_region": "varscore.prediction.region",
    "predict_variant": "varscore.prediction.profile",
    "read_metadata": "varscore.results.reading",
    "read_scores": "varscore.results.reading",
    "saturate": "varscore.prediction.saturation",
    "score": "varscore.scoring",
    "score_vcf": "varscore.scoring",
    "top": "varscore.meaning.listing",
    "write_haplotypes": "varscore.haplotypes.write",
    "write_report": "varscore.reports.page",
}


def __getattr__(name: str) -> Any:
    # torch and pyarrow take seconds to import: `varscore --help` need not wait for them.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
