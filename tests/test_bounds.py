"""Small files that would take all memory or time: a limit is met before their parser is."""

import json
from pathlib import Path

import pytest
from writers import COLUMNS, write_weights

from varscore.errors import ModelError, VcfError
from varscore.haplotypes.genotypes import GenotypeFile
from varscore.inputs.bcf import open_bcf
from varscore.models import hdf5_probe
from varscore.models.config import BasenjiConfig
from varscore.models.formats.keras import read_keras, write_keras
from varscore.models.formats.keras_params import read_params
from varscore.models.formats.native import read_native

KERAS = Path(__file__).parent / "data" / "weights_keras"


def bcf(text, length=None):
    """A BCF without records, not compressed, whose header is said to have some length."""
    header = text.encode() + b"\0"
    size = len(header) if length is None else length
    return b"BCF\x02\x02" + size.to_bytes(4, "little") + header


def header(index):
    return (
        "##fileformat=VCFv4.2\n"
        f"##contig=<ID=chr1,length=1000,IDX={index}>\n"
        f"{COLUMNS.strip()}\tFORMAT\tS\n"
    )


@pytest.mark.parametrize("index", ["100000000", "\t223372036854775808", " +0099999999999"])
def test_an_index_of_a_bcf_header_has_a_limit(tmp_path, index):
    (tmp_path / "x.bcf").write_bytes(bcf(header(index)))
    with pytest.raises(
        VcfError, match=r"x: line 2 of its header has IDX=\d+; expected at most"
    ):
        open_bcf(tmp_path / "x.bcf", "x")


def test_an_index_of_a_vcf_header_has_a_limit(tmp_path):
    (tmp_path / "x.vcf").write_text(
        header(100_000_000) + "chr1\t5\t.\tA\tC\t.\t.\t.\tGT\t0|1\n"
    )
    with pytest.raises(VcfError, match="x: line 2 of its header has IDX=100000000; expected"):
        GenotypeFile(tmp_path / "x.vcf", "x")


def test_indices_as_they_are_written_are_read(tmp_path):
    (tmp_path / "x.bcf").write_bytes(bcf(header(7)))
    with open_bcf(tmp_path / "x.bcf", "x") as records:
        assert "ID=chr1,length=1000" in str(records.header)


def test_the_length_of_a_bcf_header_has_a_limit(tmp_path):
    (tmp_path / "x.bcf").write_bytes(bcf(header(0), 0xFFFF_FFF0))
    with pytest.raises(
        VcfError, match="header of this BCF is said to have 4,294,967,280 bytes"
    ):
        open_bcf(tmp_path / "x.bcf", "x")


def test_an_hdf5_file_that_is_read_for_ever_is_refused(tmp_path, monkeypatch):
    """An object of the heap of texts that takes no room: the next one is itself."""
    write_keras(read_native(write_weights(tmp_path / "w", 4096)), tmp_path / "m.h5")
    content = bytearray((tmp_path / "m.h5").read_bytes())
    size = content.index(b"GCOL") + 24
    content[size : size + 8] = (2**64 - 16).to_bytes(8, "little")
    (tmp_path / "m.h5").write_bytes(content)
    monkeypatch.setattr(hdf5_probe, "_SECONDS", 1)
    with pytest.raises(
        ModelError, match=r"damaged .reading it does not end within 1 s.; fetch"
    ):
        read_keras(tmp_path / "m.h5")


@pytest.mark.parametrize(
    ("layer", "change", "message"),
    [
        (1, {"repeat": 10**9}, "conv_tower. has repeat 1000000000; expected 1 to 20"),
        (1, {"repeat": True}, "has repeat True"),
        (1, {"filters_mult": 1e300}, "."),
        (2, {"repeat": 10**9}, "num_blocks has 1000000000; expected a whole number from 0"),
        (2, {"repeat": 900, "rate_mult": 2}, "has a dilation of 256 bins, more than"),
        (2, {"rate_mult": float("nan")}, "dilation_rate is nan; expected 1 to 1000"),
        (0, {"filters": 10**12}, "stem_channels has 1000000000000; expected a whole number"),
        (0, {"filters": 2.5}, "stem_channels has 2.5"),
    ],
)
def test_numbers_of_an_architecture_have_limits(tmp_path, layer, change, message):
    content = json.loads((KERAS / "params.json").read_text())
    content["model"]["trunk"][layer].update(change)
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        read_params(tmp_path / "p.json")


def test_a_tower_has_as_many_layers_as_bases_to_halve():
    with pytest.raises(ValueError, match="tower_channels has 21 numbers; expected at most 20"):
        BasenjiConfig(tower_channels=(1,) * 21)
    with pytest.raises(ValueError, match="batch_norm_eps is 0; expected 0 to 1"):
        BasenjiConfig(batch_norm_eps=0)
