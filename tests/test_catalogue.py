"""The catalogue of tracks: the rules that make it, what it holds, and whom it serves."""

import csv
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from varscore.models.catalogue import COLUMNS, PROCESSING, catalogued, read_catalogue
from varscore.models.registry import read_checkpoint
from varscore.models.tracks import TrackTable

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "resources" / "catalogue"
FILE = ROOT / "varscore" / "models" / "catalogue.tsv"
PUBLISHED = ROOT.parent / "shared" / "data" / "human" / "targets_human.txt"

TRACKS = read_catalogue("basenji2")


@pytest.fixture(scope="module")
def describe():
    """The rules, as the script has them."""
    names = ("lines", "targets", "make_catalogue")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        patch.setattr("sys.dont_write_bytecode", True)
        import make_catalogue

        yield make_catalogue.describe
        for name in names:
            sys.modules.pop(name, None)


# Description: assay, class, target, biosample, tissue, life stage, as one reads them.
# fmt: off
READ = {
    "DNASE:cerebellum male adult (27 years) and male adult (35 years)":
        ("DNASE", "accessibility", "", "cerebellum", "brain", "adult"),
    "DNASE:embryonic facial prominence embryo (53 days) and embryo (58 days)":
        ("DNASE", "accessibility", "", "embryonic facial prominence", "embryonic", "embryonic"),
    "DNASE:HeLa-S3 G1b phase":
        ("DNASE", "accessibility", "", "HeLa-S3", "female reproductive", ""),
    "DNASE:dermis blood vessel endothelial cell male newborn":
        ("DNASE", "accessibility", "", "dermis blood vessel endothelial cell", "vessel",
         "newborn"),
    "DNASE:iPS-NIHi7 female adult (85 years) originated from AG08395":
        ("DNASE", "accessibility", "", "iPS-NIHi7", "pluripotent", "adult"),
    "DNASE:GM12865": ("DNASE", "accessibility", "", "GM12865", "blood/lymphoid", ""),
    "DNASE:GM23338 male adult (53 years) originated from GM23248":
        ("DNASE", "accessibility", "", "GM23338", "pluripotent", "adult"),
    "DNASE:skin fibroblast male embryo (97 days)":
        ("DNASE", "accessibility", "", "skin fibroblast", "skin", "embryonic"),
    "ATAC:BM1137-GMP1-low-ATAC-2 / Bone Marrow CD34+ / GMP-A":
        ("ATAC", "accessibility", "", "GMP-A", "blood/stem", ""),
    "ATAC:BM1077-UNK / Bone Marrow CD34+ / UNK":
        ("ATAC", "accessibility", "", "Bone Marrow CD34+", "blood/stem", ""),
    "CHIP:H3K27ac:liver female adult (51 year)":
        ("CHIP", "histone", "H3K27ac", "liver", "liver", "adult"),
    "CHIP:CTCF:liver female child (6 years) and male adult (32 years)":
        ("CHIP", "TF", "CTCF", "liver", "liver", ""),
    "CHIP:eGFP-ZNF24:HEK293 genetically modified using site-specific recombination originated "
    "from HEK293": ("CHIP", "TF", "ZNF24", "HEK293", "kidney", ""),
    "CHIP:3xFLAG-RAD21:HepG2 genetically modified using CRISPR":
        ("CHIP", "other ChIP", "RAD21", "HepG2", "liver", ""),
    "CHIP:H2AFZ:IMR-90": ("CHIP", "histone", "H2AFZ", "IMR-90", "lung", ""),
    "CHIP:POLR2AphosphoS5:A549 treated with 100 nM dexamethasone for 1 hour":
        ("CHIP", "other ChIP", "POLR2AphosphoS5", "A549", "lung", ""),
    "CHIP:HDAC2:K562": ("CHIP", "other ChIP", "HDAC2", "K562", "blood/myeloid", ""),
    "CHIP:.:batch1_chrom1_LoVo_HOXA10_Rabbit_PassedQC / LoVo / colon adenocarcinoma":
        ("CHIP", "TF", "HOXA10", "LoVo", "colon", ""),
    "CHIP:.:batch2_chrom1_LoVo_NKX2.2_Rabbit_PassedQC / LoVo / colon adenocarcinoma":
        ("CHIP", "TF", "NKX2-2", "LoVo", "colon", ""),
    "CHIP:abcam:ChIP_hBMAL1-peak-DMOG CHIP-Seq / U2OS cells / .":
        ("CHIP", "TF", "BMAL1", "U2OS", "bone", ""),
    "CHIP:active:ChIP_hHIF1a-trough-DMSO CHIP-Seq / U2OS cells / .":
        ("CHIP", "TF", "HIF1A", "U2OS", "bone", ""),
    "CHIP:BMAL1:BMAL1_DMSO_ChIPSeq / U2OS cells stably expressing Bmal1:Luc / osteosarcoma "
    "cell line U2OS stably expressing Bmal1:Luc": ("CHIP", "TF", "BMAL1", "U2OS", "bone", ""),
    "CHIP:GR:ChIP-seq, GR_HighDensity_DMI / hMSC / Human Mesenchymal Stem Cells":
        ("CHIP", "TF", "NR3C1", "hMSC", "connective tissue", ""),
    "CHIP:ATF4:anti-ATF4 (sc-200) / HAP1, 2 mM histidinol for 24 hours, ATF4 ChIP / HAP1":
        ("CHIP", "TF", "ATF4", "HAP-1", "blood/myeloid", ""),
    "CAGE:nasal epithelial cells,":
        ("CAGE", "expression", "", "nasal epithelial cells", "upper airway", ""),
    "CAGE:merkel cell carcinoma cell line:MKL-1":
        ("CAGE", "expression", "", "MKL-1", "skin", ""),
    "CAGE:diencephalon, adult": ("CAGE", "expression", "", "diencephalon", "brain", "adult"),
    "CAGE:medial temporal gyrus, adult, , tech_":
        ("CAGE", "expression", "", "medial temporal gyrus", "brain", "adult"),
    "CAGE:hippocampus - adult, donor10252":
        ("CAGE", "expression", "", "hippocampus", "brain", "adult"),
    "CAGE:liver, fetal, pool1": ("CAGE", "expression", "", "liver", "liver", "embryonic"),
    "CAGE:temporal lobe, fetal, donor1, tech_rep1":
        ("CAGE", "expression", "", "temporal lobe", "brain", "embryonic"),
    "CAGE:CD19+ B Cells (pluriselect), , donation2":
        ("CAGE", "expression", "", "CD19+ B Cells", "blood/lymphoid", ""),
    "CAGE:B lymphoblastoid cell line: GM12878 ENCODE, biol_":
        ("CAGE", "expression", "", "GM12878", "blood/lymphoid", ""),
    "CAGE:adult T-cell leukemia cell line:ATN-1":
        ("CAGE", "expression", "", "ATN-1", "blood/lymphoid", ""),
    "CAGE:embryonic kidney cell line: HEK293/SLAM infection, 24hr":
        ("CAGE", "expression", "", "HEK293/SLAM", "kidney", ""),
    "CAGE:Hep-2 cells treated with Streptococci strain 5448, biol_":
        ("CAGE", "expression", "", "Hep-2", "upper airway", ""),
    "CAGE:CD14+ monocytes - treated with Trehalose dimycolate (TDM),":
        ("CAGE", "expression", "", "CD14+ monocytes", "blood/myeloid", ""),
    "CAGE:Adipocyte - breast,":
        ("CAGE", "expression", "", "Adipocyte - breast", "adipose", ""),
    "CAGE:breast carcinoma cell line:MCF7":
        ("CAGE", "expression", "", "MCF-7", "breast", ""),
    "CAGE:heart, adult, diseased post-infarction,":
        ("CAGE", "expression", "", "heart", "heart", "adult"),
    "CAGE:Fibroblast - Gingival,  (GFH2)":
        ("CAGE", "expression", "", "Fibroblast - Gingival", "mouth and throat", ""),
    "CAGE:Clontech Human Universal Reference Total RNA, pool1":
        ("CAGE", "expression", "", "Clontech Human Universal Reference Total RNA", "other", ""),
}
# fmt: on


@pytest.mark.parametrize("text", READ)
def test_rules_read_a_description_as_one_does(describe, text):
    said = describe(text)
    assert tuple(vars(said).values()) == READ[text]


def test_an_unknown_assay_is_a_fault_of_the_table(describe):
    with pytest.raises(ValueError, match="'RNA:liver'"):
        describe("RNA:liver")


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="../shared with the table is not there")
def test_the_script_makes_the_catalogue_again(tmp_path):
    made = tmp_path / "made.tsv"
    command = [sys.executable, "-B", str(SCRIPTS / "make_catalogue.py"), str(PUBLISHED)]
    subprocess.run([*command, "-o", str(made)], check=True, capture_output=True)
    assert made.read_bytes() == FILE.read_bytes()


def test_every_track_is_told_of():
    with open(FILE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len(TRACKS) == 5313
    assert [int(row["index"]) for row in rows] == list(range(5313))
    assert list(TRACKS.columns) == [*COLUMNS, *PROCESSING]
    counts = {name: Counter(row[name] for row in rows) for name in COLUMNS}
    # As `cut -d: -f1` of the published descriptions counts them.
    assert counts["assay"] == {"CHIP": 3991, "DNASE": 674, "CAGE": 638, "ATAC": 10}
    assert all("" not in counts[name] for name in ("assay", "class", "biosample", "tissue"))
    assert counts["tissue"]["other"] == 12
    assert {row["assay"] for row in rows if row["target"]} == {"CHIP"}
    assert sum(row["assay"] == "CHIP" and not row["target"] for row in rows) == 0
    assert set(counts["life_stage"]) == {"", "adult", "child", "newborn", "embryonic"}
    assert len(counts["tissue"]) == 43  # as the READMEs say


def test_every_table_of_the_package_is_installed_with_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["varscore"]
    package = ROOT / "varscore"
    installed = {path for pattern in patterns for path in package.glob(pattern)}
    assert set(package.rglob("*.tsv")) <= installed


def test_the_demos_tracks_are_those_of_its_weights():
    demo, weights = read_catalogue("demo"), read_checkpoint("demo").tracks
    assert (demo.identifiers, demo.descriptions) == (weights.identifiers, weights.descriptions)
    assert catalogued(weights) == demo
    assert demo.select("tissue=blood & assay=DNASE").identifiers == ("DNASE_K562",)


def test_a_tables_own_columns_count_and_the_catalogue_fills_in():
    ours = TrackTable.from_names(
        ["mine", TRACKS.identifiers[0]],
        ["a", "b"],
        {"panel": ["x", "y"], "tissue": ["moon", ""], "assay": ["", "other"]},
    )
    told = catalogued(ours)
    assert told.columns["panel"] == ("x", "y")
    assert told.columns["tissue"] == ("moon", "brain")  # track 0 is DNASE:cerebellum ...
    assert told.columns["assay"] == ("", "other")
    assert told.columns["biosample"] == ("", "cerebellum")
    assert told.descriptions == ("a", "b")
    alone = ours.take([0])
    assert catalogued(alone) == alone


def test_the_command_loads_no_large_library(tmp_path):
    code = (
        "import sys; sys.argv = ['varscore', 'tracks', '--summary']\n"
        "from varscore.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "large = {'torch', 'numpy', 'pandas', 'pyarrow', 'h5py', 'numba'} & set(sys.modules)\n"
        "assert not large, large"
    )
    environment = {"VARSCORE_CACHE": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "assay\tDNASE\t674\n" in done.stdout
