"""The site: it builds without a warning or a network, and says what the program says."""

import importlib.util
import re
import subprocess
import sys

import pytest
from needs import lacking
from pages import commands_of
from snakemake_runs import ROOT
from test_messages import MESSAGES

import varscore

DOCS = ROOT / "docs"
_SPEC = importlib.util.spec_from_file_location("sections", DOCS / "sections.py")
sections = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sections)
QUOTED = re.findall(
    r"^`` (.+) ``$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE
)
PATTERNS = [pattern for rows in MESSAGES.values() for pattern, _ in rows]


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_that_is_explained_is_one_that_is_said(message):
    assert any(re.fullmatch(pattern, message) for pattern in PATTERNS)


def test_many_messages_are_explained():
    assert len(set(QUOTED)) == len(QUOTED) >= 30


def test_every_section_of_the_readme_is_on_one_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    places = sections.homes()  # refuses one that is on two
    assert [
        s.title for s in sections.sections(text) if ("README.md", s.anchor) not in places
    ] == []


def test_no_command_stands_where_no_test_looks():
    paths = {path for path, _ in sections.homes()}
    assert {path for path in paths if commands_of(ROOT / path)} == {
        "README.md",  # test_examples.py
        "docs/own_vcf.md",
        "varscore/engines/README.md",
        "workflow_config/README.md",
        "docs/pictures.md",  # test_pictures_page.py
        "docs/tutorial.md",  # test_demo.py
    }


def test_every_public_name_is_in_the_reference():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^\.\. auto\w+:: varscore\.(\w+)$", page, re.MULTILINE)
    assert sorted(named) == sorted(varscore.__all__)


def test_a_section_ends_at_the_next_heading_and_code_has_none():
    text = "# A\none\n\n```sh\n# no heading\n```\n## B *c*, d\ntwo\n"
    assert sections.sections(text) == [
        ("a", 1, "A", "one\n\n```sh\n# no heading\n```\n"),
        ("b-c-d", 2, "B *c*, d", "two\n"),
    ]


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("[x](#tracks)", "[x](tracks.md#tracks)"),
        ("[x](docs/pictures.md)", "[x](pictures.md)"),
        ("[x](varscore/engines/README.md#precision)", "[x](engines.md#precision)"),
        ("[x](https://a.org/b)", "[x](https://a.org/b)"),
        ("[x](LICENSE)", "x"),
        ("![x](a.png)", "![x](a.png)"),
    ],
)
def test_a_link_leads_to_where_the_site_has_it(link, found):
    assert sections.relinked(link, "README.md", sections.homes()) == found


@pytest.mark.parametrize("link", ["[x](nothing.md)", "[x](#no-such-section)"])
def test_a_link_to_nothing_is_refused(link):
    with pytest.raises(ValueError, match=r"nowhere|no page has"):
        sections.relinked(link, "README.md", sections.homes())


@pytest.mark.slow
def test_the_site_is_made_and_asks_for_nothing(tmp_path):
    if importlib.util.find_spec("furo") is None:
        lacking("the site's generator is not installed (pip install -e '.[docs]')")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet"]
    done = subprocess.run(
        [*command, DOCS, tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = {path.stem: path.read_text() for path in (tmp_path / "site").glob("*.html")}
    assert pages.keys() >= {path.stem for path in DOCS.glob("*.md")}
    fetched = r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*"
    for page in pages.values():
        assert not re.search(fetched, page)
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\W*(?:https?:)?//", style.read_text())
    text = re.sub("<[^>]+>", "", pages["scores"])
    assert "sum a - sum r" in text  # a table of README's
    assert "spanning_deletion" in text
