"""The versions that `make test-lowest` takes are the lowest that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

from packaging.version import Version

TESTS = Path(__file__).parent


def test_each_dependency_is_tested_at_its_lowest_version():
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lowest = dict(re.match(r"([\w-]+)>=([\d.]+)", line).groups() for line in required)
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (TESTS / "lowest.txt").read_text(), re.M))
    assert {name: Version(pin) for name, pin in pins.items()} == {
        name: Version(least) for name, least in lowest.items()
    }
