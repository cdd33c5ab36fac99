"""Whether scores were made as the workflow's configuration asks, by what they say themselves.

Dates and names of files tell Snakemake what to run; here the results are asked, so that scores
which another run left, or which were put there, are never taken for those asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from varscore.errors import OutputError
from varscore.results.provenance import Provenance, damaged, parse_json
from varscore.results.table import tracks_of

# What these are, files' digests and columns say.
_OTHERWISE = ("tracks", "genes", "background", "groups", "track_table")


@dataclass(frozen=True)
class Expected:
    """What an identity of the workflow's step of scoring says of its results.

    Attributes
    ----------
    version : str
        Of varscore.
    options : dict
    files : dict
        By their part in it, what is known of files.
    """

    version: str
    options: dict[str, Any]
    files: dict[str, Any]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read an identity.

        Raises
        ------
        OutputError
            If it cannot be read, or is none.
        """
        try:
            facts = parse_json(Path(path).read_bytes(), path)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be read: {error.strerror}; give an identity of the workflow, "
                "score-*.identity.json"
            ) from error
        try:
            return cls(facts["version"], dict(facts["facts"]["options"]), dict(facts["files"]))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error!r} is missing or no object") from error

    def check(self, file: Path, made: Provenance, schema: pa.Schema) -> None:
        """Refuse scores that were made otherwise.

        Parameters
        ----------
        file : Path
            For messages.
        made : Provenance
            What they say of themselves.
        schema : pyarrow.Schema
            Their columns.

        Raises
        ------
        OutputError
            It names the first difference.
        """
        for what, found, wanted in self._differences(made, schema):
            raise OutputError(
                f"{file}: was made with {what} {found!r}, not {wanted!r} as is asked for; "
                "remove it, to have it made again"
            )

    def _differences(
        self, made: Provenance, schema: pa.Schema
    ) -> Iterator[tuple[str, Any, Any]]:
        """Yield what differs, as found and as expected."""
        if made.version != self.version:
            yield "version", made.version, self.version
        model: Mapping[str, Any] = made.model or {}
        known = [file for role, file in self.files.items() if _is_model(role) and file]
        weights = [file["sha256"] for file in known]
        if weights and model.get("sha256") not in weights:
            yield "weights", model.get("sha256"), weights[0]
        said = {**made.options, "activation": model.get("activation")}
        for name, wanted in self.options.items():
            unset = name == "activation" and wanted is None  # what the weights say
            if name not in _OTHERWISE and not unset and said.get(name) != wanted:
                yield name, said.get(name), wanted
        for role, record in (("genes", made.genes), ("background", made.background)):
            found = record and record.sha256
            wanted = self.files[role]["sha256"] if role in self.files else None
            if found != wanted:
                yield role, found, wanted
        wanted = (self.options.get("tracks") or {}).get("identifiers")
        for table in tracks_of(schema).values():
            if wanted is not None and list(table.identifiers) != wanted:
                yield "tracks", made.options.get("tracks"), wanted


def _is_model(role: str) -> bool:
    return role == "weights" or role.startswith("model ")
