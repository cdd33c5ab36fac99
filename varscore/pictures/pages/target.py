"""Where a page may be written; looked at before the work, and without what makes pages."""

from __future__ import annotations

from pathlib import Path

from varscore.errors import OutputError
from varscore.files.atomic import check_target


def check_page_target(output: str | Path, *, force: bool = False) -> None:
    """Check that a page can be written, before the work.

    Parameters
    ----------
    output : str or Path
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If its suffix is not ``.html``, or as `varscore.files.atomic.check_target`.
    """
    if Path(output).suffix != ".html":
        raise OutputError(f"output {output}: a page for a browser; its name must end in .html")
    check_target(output, force=force)
