"""Puts into a wheel what a clone has outside the package; all else is in pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# Without importing the package, whose dependencies a build does not have.
SHIPPED = runpy.run_path(str(HERE / "varscore" / "files" / "shipped.py"))


class BuildWithShipped(build_py):
    """Builds the package, and with it what comes along; an editable install has the clone's."""

    def run(self) -> None:
        """Copy modules, and then these files."""
        super().run()
        if self.editable_mode:
            return
        for name, (folder, _) in SHIPPED["SHIPPED"].items():
            for file in SHIPPED["shipped_files"](name):
                target = Path(self.build_lib, "varscore", SHIPPED["PACKAGED"], name, file)
                self.mkpath(str(target.parent))
                self.copy_file(str(HERE / folder / file), str(target))


setup(cmdclass={"build_py": BuildWithShipped})
