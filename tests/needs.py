"""What a test needs of the machine: absent it is skipped, but where CI runs all of them."""

import os

import pytest


def lacking(reason):
    """End a test that the machine lacks something for: skipped; in CI, failed."""
    if "CI" in os.environ:
        pytest.fail(f"{reason}; see .ci/run")
    pytest.skip(reason)
