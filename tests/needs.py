"""What a test needs of the machine: absent it is skipped, but where CI runs all is needed."""

import os

import pytest

CI = "CI" in os.environ
"""Whether this is where random tests draw as many cases as they promise; elsewhere a few."""


def lacking(reason):
    """End a test that the machine lacks something for: skipped; in CI, failed."""
    if CI:
        pytest.fail(f"{reason}; see .ci/run")
    pytest.skip(reason)
