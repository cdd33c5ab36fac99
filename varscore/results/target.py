"""Where a result may be written: a file's name must not promise another form than Parquet."""

from __future__ import annotations

from pathlib import Path

from varscore.errors import OutputError
from varscore.files.atomic import check_target

_VCF = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
_TABLES = (".tsv", ".txt", ".tab")
_PANDAS = {
    ".csv": "to_csv({name!r}, index=False)",
    ".json": "to_json({name!r}, orient='records')",
    ".xlsx": "to_excel({name!r}, index=False)",
}
_STREAMS = ("-", "/dev/stdout", "/dev/stderr")


def check_result_target(path: str | Path, *, force: bool = False, folder: bool = False) -> None:
    """Check that a result can be written, for a refusal before the work and not after.

    Parameters
    ----------
    path : str or Path
        Of the Parquet file, or of the folder of such files. Its suffix may be any that is no
        other form's.
    force, folder
        As in `varscore.files.atomic.check_target`.

    Raises
    ------
    OutputError
        If the name is that of a VCF, BCF, text table or stream; as `check_target`.
    """
    path = Path(path)
    if str(path) in _STREAMS:
        raise OutputError(
            f"output {path}: a result is a Parquet file, not a stream; give a name such as "
            "scores.parquet"
        )
    name = path.name.lower()
    if suffix := next((suffix for suffix in _VCF if name.endswith(suffix)), None):
        scores = path.name[: -len(suffix)] + ".parquet"
        raise OutputError(
            f"output {path}: a result is a Parquet file, no VCF; write {scores}, then "
            f"`varscore annotate {scores} VCF -o {path}`"
        )
    if suffix := next((s for s in _TABLES if name.removesuffix(".gz").endswith(s)), None):
        scores = name.removesuffix(".gz").removesuffix(suffix) + ".parquet"
        raise OutputError(
            f"output {path}: a result is a Parquet file; write {scores}, then "
            f"`varscore annotate {scores} --tsv -o {path}`"
        )
    if suffix := next((s for s in _PANDAS if name.removesuffix(".gz").endswith(s)), None):
        scores = name.removesuffix(".gz").removesuffix(suffix) + ".parquet"
        call = _PANDAS[suffix].format(name=path.name)
        raise OutputError(
            f"output {path}: a result is a Parquet file; write {scores}, then, in Python: "
            f"pandas.read_parquet({scores!r}).{call}"
        )
    check_target(path, force=force, folder=folder)
