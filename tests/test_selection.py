"""Choosing tracks by what is known of them."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from varscore.errors import OptionError
from varscore.models.catalogue import read_catalogue
from varscore.models.selection import check_wanted, parse_terms
from varscore.models.tracks import TrackTable

TABLE = TrackTable.from_names(
    ["a", "b", "c", "d", "e"],
    ["DNASE:liver", "ATAC:T cell", "CHIP:H3K27ac:vein", "DNASE:K562", "CAGE:liver"],
    {
        "tissue": ["liver", "blood/lymphoid", "blood vessel", "blood/myeloid", "liver"],
        "assay": ["DNASE", "ATAC", "CHIP", "DNASE", "CAGE"],
        "Note": ["R&D", "CD4-positive, alpha-beta T cell", "", "x=1", "lot 7 (new"],
    },
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("tissue=liver", "ae"),
        ("tissue=LIVER & assay=dnase", "a"),
        ("tissue=liver&assay=DNASE", "a"),
        (" tissue = liver  &  assay = DNASE | CAGE ", "ae"),
        ("tissue=blood", "bd"),
        ("tissue=blood/myeloid", "d"),
        ("tissue=blood vessel", "c"),
        ("tissue=blood|blood vessel & assay=CHIP|ATAC", "bc"),
        ("note=CD4-positive, alpha-beta T cell", "b"),
        ("Note=R&D & tissue=liver", "a"),
        ("note=x=1", "d"),
        ("note=lot 7 (new", "e"),
        ("identifier=A|c", "ac"),
        ("description = dnase:LIVER|CAGE:liver & tissue=liver", "ae"),
        ("tissue=liver & identifier=e", "e"),
        ("index=1|2", "bc"),
        ("match=h3k27AC", "c"),
        ("match=h3k27ac|K562 & tissue=blood", "d"),
        ("assay=DNASE & match=(?=.*liver)", "a"),
        ("dnase:.*LIVER", "a"),
        ("b, a", "ab"),
        (["d", "a"], "ad"),
        (None, "abcde"),
    ],
)
def test_what_a_choice_finds(wanted, found):
    if wanted is not None:
        check_wanted(wanted)
    chosen = TABLE.select(wanted)
    assert "".join(chosen.identifiers) == found
    for name, cells in TABLE.columns.items():
        assert chosen.columns[name] == tuple(cells["abcde".index(letter)] for letter in found)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("tissue=livr", "tissue='livr'; nearest are liver"),
        ("tissue=blood & assay=DNAS", "assay='DNAS'; nearest are DNASE"),
        ("tissue=liver|moon", "tissue='moon'"),
        ("tissue=vess", "tissue='vess'; nearest are blood vessel"),
        ("tissue=", "tissue=''"),
        ("tissue=liver & tisue=x", "'tisue' is no column of the track table; nearest are"),
        ("tisue=liver", "'tisue' is no column of the track table; nearest are tissue"),
        ("tisue=liver|K562", "'tisue' is no column of the track table; nearest are tissue"),
        (" life stage = adult | liver", "'life stage' is no column of the track table"),
        ("identifier=a|K562", "no track has identifier='K562'"),
        ("tissue=liver & assay=CHIP", "fits none of the 5 tracks"),
        ("match=RNA", "fits none of the 5 tracks"),
        ("tissue=liver & match=(", "no valid regular expression"),
        ("DNASE:[[:alpha:]]", "no valid regular expression: Possible nested set at position 7"),
        ("RNA", "neither an identifier nor found"),
    ],
)  # fmt: skip
def test_what_finds_nothing_names_the_nearest(wanted, words):
    with pytest.raises(OptionError, match=re.escape(words)) as raised:
        TABLE.select(wanted)
    assert "\n" not in str(raised.value)


def test_an_expression_is_no_selection_unless_it_begins_with_a_column():
    table = TrackTable.from_names(["a", "b"], ["x dose=5", "dose=6 & more"])
    assert table.select("dose=[56]").identifiers == ("a", "b")
    assert table.select("dose=6 & m").identifiers == ("b",)
    assert table.select("Dose=6|x").identifiers == ("a", "b")
    assert table.select("(?=.*more)").identifiers == ("b",)
    assert parse_terms("liver") == parse_terms("=liver") == parse_terms("liver & x=1") == []


def test_an_identifier_comes_first_and_a_file_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = TrackTable.from_names(["tissue=liver", "z"], ["", ""], {"tissue": ["x", "liver"]})
    assert table.select("tissue=liver").identifiers == ("tissue=liver",)
    (tmp_path / "tissue=x").write_text("z\n")
    assert table.select("tissue=x").identifiers == ("z",)


def test_a_table_that_was_printed_is_a_file_of_identifiers(tmp_path):
    path = tmp_path / "chosen.tsv"
    path.write_text(TABLE.select("tissue=liver").to_tsv())
    assert TABLE.select(str(path)).identifiers == ("a", "e")
    path.write_text("e\tfurther columns\nb\n\n")
    assert TABLE.select(str(path)).identifiers == ("b", "e")


VALUES = st.text(string.ascii_letters + " ,-/+()'=", min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8), st.data())
def test_terms_and_alternatives_are_what_they_mean(cells, data):
    first, second = (tuple(column) for column in zip(*cells, strict=True))
    names = [f"t{number}" for number in range(len(cells))]
    table = TrackTable.from_names(names, names, {"one": first, "two": second})
    wanted = data.draw(st.lists(st.sampled_from(first), min_size=1, max_size=2))
    other = data.draw(st.sampled_from(second))

    expected = [
        name
        for name, one, two in zip(names, first, second, strict=True)
        if any(_fits(one, value) for value in wanted) and _fits(two, other)
    ]
    text = f"one={'|'.join(wanted)} & two={other.upper()}"
    if expected:
        assert list(table.select(text).identifiers) == expected
    else:
        with pytest.raises(OptionError, match="fits none"):
            table.select(text)


def _fits(cell, value):
    cell, value = cell.lower(), value.lower()
    return cell == value or cell[: len(value) + 1] == value + "/"


def test_a_tissue_of_the_catalogue_holds_what_it_says():
    tracks = read_catalogue("basenji2")
    blood = tracks.select("tissue=blood")
    assert {text.partition("/")[0] for text in blood.columns["tissue"]} == {"blood"}
    assert not any("endothelial cell" in text for text in blood.columns["biosample"])
    some = tracks.select("tissue=liver & assay=DNASE|ATAC & match=hepg2")
    assert set(some.descriptions) == {"DNASE:HepG2"}


def test_a_table_is_written_with_its_columns_and_read_again(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text(TABLE.to_tsv())
    assert TrackTable.read(path) == TABLE
    path.write_text("\tidentifier\tgenome\tfile\tkind\n1\ta\t0\t/x\tk\n2\tb\n\n")
    table = TrackTable.read(path)
    assert table.columns == {"kind": ("k", "")}
    assert table.descriptions == ("a", "b")
