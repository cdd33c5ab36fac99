"""Compiled functions that numba keeps on disk, and does without where that fails.

numba trusts its cache: it ends a run with an error, or its whole process, at a file that was
cut, as by a full disk or a machine that went down, and at a disk that cannot be written to.
Here what is read is checked first, and whatever fails, the function is compiled in memory,
which takes seconds. A damaged file is written anew where that is possible.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

logger = logging.getLogger(__name__)

_DIGEST = hashlib.sha256().digest_size


class DamagedError(Exception):
    """A file of the cache is not what was written."""


class _CheckedFile(IndexDataCacheFile):
    """numba's files, each compiled code behind its digest.

    Machine code that is cut or changed ends the process when it is loaded, without an error.
    """

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception as error:
            self.flush()  # else nothing could be saved beside it
            raise DamagedError(f"{self._index_path} is damaged") from error

    def _load_data(self, name: str) -> Any:
        path = self._data_path(name)
        with open(path, "rb") as file:
            digest, data = file.read(_DIGEST), file.read()
        if hashlib.sha256(data).digest() != digest:
            raise DamagedError(f"{path} is damaged")
        # As numba does; the folder is the user's own.
        return pickle.loads(data)  # noqa: S301

    def _save_data(self, name: str, data: Any) -> None:
        packed = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(packed).digest() + packed)


class _GuardedCache(FunctionCache):
    """numba's cache of one function; what fails in it is said once, and done without."""

    _said = False

    def __init__(self, function: Callable[..., None]) -> None:
        super().__init__(function)
        file = self._cache_file
        self._cache_file = _CheckedFile(
            file._cache_path, file._index_name.removesuffix(".nbi"), file._source_stamp
        )

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except Exception as error:
            self._say(error)
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            super().save_overload(signature, data)
        except Exception as error:
            self._say(error)

    def _say(self, error: Exception) -> None:
        if not _GuardedCache._said:
            _GuardedCache._said = True
            logger.warning(
                "compiled kernels: the cache in %s cannot be used (%s); they are compiled in "
                "memory, which takes some seconds",
                self.cache_path,
                error,
            )


def kept(function: Callable[..., None], **options: Any) -> Callable[..., None]:
    """Compile a function when it is first called, and keep the result on disk where possible.

    Parameters
    ----------
    function : callable
    **options
        Of `numba.njit`.
    """
    compiled = njit(**options)(function)
    # Where no folder to keep it in may be written, each process compiles.
    with suppress(RuntimeError):
        compiled._cache = _GuardedCache(function)
    result: Callable[..., None] = compiled
    return result
