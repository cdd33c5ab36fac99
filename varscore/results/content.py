"""What a table holds, as a digest: it tells a file from a copy that was changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# In place of nulls, as whole numbers of as many bits: no score is NaN, no distance so far.
_NULLS: dict[pa.DataType, np.integer] = {
    pa.float32(): np.uint32(0x7FC0_DEAD),
    pa.float64(): np.uint64(0x7FF8_0000_0000_DEAD),
    pa.int64(): np.int64(-(2**63)),
    pa.int32(): np.int32(-(2**31)),
    pa.bool_(): np.uint8(2),
}


@dataclass(frozen=True)
class Content:
    """What a file was written with.

    Attributes
    ----------
    rows : int
        Of this file; a result that is a folder has several.
    sha256 : str
        Of names, types, what is said of and values of all columns, rows in their order.
    record : str
        SHA-256 of the text that says how the table came about.
    """

    rows: int
    sha256: str
    record: str


class ContentDigest:
    """Digests a table given in parts; how it was cut into these does not matter.

    Parameters
    ----------
    schema : pyarrow.Schema
        Columns of numbers, truth values, text and lists of these.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._columns = [_ColumnDigest(field.type) for field in schema]

    def update(self, table: pa.Table) -> None:
        """Add rows of the schema."""
        self._rows += table.num_rows
        for digest, column in zip(self._columns, table.columns, strict=True):
            for chunk in column.chunks:
                digest.update(chunk)

    def content(self, record: bytes) -> Content:
        """Return what was added until now.

        Parameters
        ----------
        record : bytes
            The text that says how the table came about.
        """
        whole = hashlib.sha256(f"{self._rows}\n".encode())
        for field, column in zip(self._schema, self._columns, strict=True):
            whole.update(f"{field.name}\t{field.type}\t{column.hexdigest()}\n".encode())
            whole.update(_said_of(field))
        return Content(self._rows, whole.hexdigest(), hashlib.sha256(record).hexdigest())


def _said_of(field: pa.Field) -> bytes:
    """Return what a column's metadata say, such as of which track it is."""
    facts = field.metadata or {}
    own = {
        name.decode(): text.decode()
        for name, text in facts.items()
        if not name.startswith(b"PARQUET:")  # which readers add
    }
    return f"{json.dumps(own, sort_keys=True)}\n".encode()


class _ColumnDigest:
    """Of one column: of its numbers, or of lengths, -1 for a null, and what is so long."""

    def __init__(self, kind: pa.DataType) -> None:
        self._sha256 = hashlib.sha256()
        self._within: _ColumnDigest | None = None
        if pa.types.is_list(kind):
            self._within = _ColumnDigest(kind.value_type)
        self._text = hashlib.sha256() if kind == pa.string() else None

    def update(self, values: pa.Array) -> None:
        if self._text is not None:
            self._sha256.update(pc.fill_null(pc.binary_length(values), -1).to_numpy())
            self._text.update("".join(filter(None, values.to_pylist())).encode())
        elif self._within is not None:
            self._sha256.update(pc.fill_null(pc.list_value_length(values), -1).to_numpy())
            self._within.update(values.flatten())
        else:
            self._sha256.update(_bits(values))

    def hexdigest(self) -> str:
        parts = [self._sha256.hexdigest()]
        if self._text is not None:
            parts.append(self._text.hexdigest())
        if self._within is not None:
            parts.append(self._within.hexdigest())
        return " ".join(parts)


def _bits(values: pa.Array) -> memoryview:
    """Return numbers as they stand in memory, with one in place of nulls."""
    null = _NULLS[values.type]
    filled = values
    if values.null_count:
        filled = pc.fill_null(values, pa.scalar(False).cast(values.type))
    bits = np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)).view(null.dtype)
    if values.null_count:
        bits = np.where(values.is_null().to_numpy(zero_copy_only=False), null, bits)
    return bits.data
