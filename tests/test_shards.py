"""Plans: every allele in one shard, in order, balanced, whatever the VCF."""

import json
from itertools import chain
from pathlib import Path

import pytest
from policy_table import POLICY
from writers import read_alleles, write_vcf

from varscore.errors import OptionError, OutputError, VcfError
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.normalise import locate
from varscore.shards.plan import plan_shards
from varscore.shards.shard import Shard, ShardPlan

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[2] / "shared" / "data" / "human"


@pytest.fixture
def make_vcf(tmp_path):
    """Return a function that writes (chrom, pos, ref, alt) as a VCF and gives its path."""

    def write(rows, name="my.vcf"):
        return write_vcf(tmp_path / name, rows)

    return write


@pytest.fixture
def plan(policy_genome, tmp_path):
    """Return a function that plans a VCF and gives the plan and each shard's alleles."""

    def run(vcf, **options):
        folder = tmp_path / "plan"
        made = plan_shards(vcf, policy_genome, folder, force=True, **options)
        assert made == ShardPlan.read(folder)
        tables = [Shard.open(folder / entry.file_name) for entry in made.shards]
        assert [table.entry for table in tables] == list(made.shards)
        return made, [list(table.alleles()) for table in tables]

    return run


def test_shards_have_every_allele_as_it_was_located(plan, policy_genome):
    made, shards = plan(DATA / "policy.vcf", shards=3)
    with ReferenceGenome(policy_genome) as genome:
        expected = [locate(allele, genome) for allele in read_alleles(DATA / "policy.vcf")]
    rows = sorted(chain(*shards), key=lambda a: (a.record, a.allele))
    assert rows == expected
    assert made.rows == len(POLICY) == sum(made.statuses.values())
    assert [entry.rows for entry in made.shards] == [len(shard) for shard in shards]
    assert not made.in_input_order


def test_an_unsorted_vcf_is_sorted_by_contig_and_pos(plan):
    _, shards = plan(DATA / "policy.vcf", shards=4)
    # The policy file begins with chr1; 2 and MT follow, each under several names.
    names = {"1": "chr1", "chr2": "2", "M": "MT", "chrM": "MT", "chrMT": "MT"}
    rows = [(names.get(a.chrom, a.chrom), a.pos) for a in chain(*shards)]
    order = list(dict.fromkeys(contig for contig, _ in rows))
    assert rows == sorted(rows, key=lambda row: (order.index(row[0]), row[1]))


def test_a_sorted_vcf_keeps_its_order_though_its_contigs_have_another(plan, make_vcf):
    vcf = make_vcf([("MT", 3, "T", "C"), ("chr1", 155, "T", "C"), ("chr1", 156, "G", "A,T")])
    made, shards = plan(vcf, shards=2)
    assert made.in_input_order
    assert [(a.chrom, a.record, a.allele) for a in chain(*shards)] == [
        ("MT", 0, 1), ("chr1", 1, 1), ("chr1", 2, 1), ("chr1", 2, 2),
    ]  # fmt: skip
    # Four substitutions of equal cost: two and two.
    assert [entry.contigs for entry in made.shards] == [
        (("MT", 1), ("chr1", 1)),
        (("chr1", 2),),
    ]


def test_shards_are_balanced_by_cost_not_by_rows(plan, make_vcf):
    unscored = [("chr1", 10 + i, "A", "<DEL>") for i in range(40)]
    scored = [("chr1", 155, "T", "C")] * 8
    made, shards = plan(make_vcf(unscored + scored), shards=2)
    # 40 rows of cost 1 and eight of 200: 820 on each side is within the fourth of the eight.
    assert [len(shard) for shard in shards] == [40 + 4, 4]
    assert made.statuses == {"symbolic_allele": 40, "scored": 8}


def test_more_shards_than_alleles_gives_empty_ones(plan, make_vcf):
    made, shards = plan(make_vcf([("chr1", 155, "T", "C"), ("chr1", 156, "G", "A")]), shards=5)
    assert sorted(map(len, shards)) == [0, 0, 0, 1, 1]
    assert len(made.shards) == 5


@pytest.mark.parametrize("shards", [1, 3])
def test_an_empty_vcf_has_a_plan(plan, make_vcf, shards):
    made, tables = plan(make_vcf([]), shards=shards)
    assert (made.rows, made.statuses, tables) == (0, {}, [[]] * shards)


def test_unscorable_alleles_are_planned_too(plan, make_vcf):
    made, shards = plan(make_vcf([("chr1", i, "A", "*") for i in range(1, 11)]), shards=2)
    assert made.statuses == {"spanning_deletion": 10}
    assert [len(shard) for shard in shards] == [5, 5]
    assert made.provenance.genome.m5 == {}


def test_without_a_number_a_shard_has_some_hundred_alleles(plan, make_vcf):
    rows = [("chr1", 155, "T", "C")] * 513
    assert len(plan(make_vcf(rows))[0].shards) == 3  # 513 / 256 = 2.004
    assert len(plan(make_vcf(rows[:256]))[0].shards) == 1
    assert len(plan(make_vcf([]))[0].shards) == 1


def test_a_region_and_the_longest_allele_decide_in_the_plan(plan, make_vcf):
    vcf = make_vcf([("chr1", 155, "T", "C"), ("chr1", 155, "T", "TCC"), ("MT", 3, "T", "C")])
    made, shards = plan(vcf, shards=1, region="chr1", max_allele_length=2)
    assert [(a.record, a.status) for a in shards[0]] == [(0, "scored"), (1, "too_long")]
    assert made.provenance.options == {
        "region": "chr1", "regions": None, "max_allele_length": 2,
        "allow_ref_mismatches": False, "swapped": "skip", "contigs": None, "strict": False,
    }  # fmt: skip


def test_the_same_vcf_and_genome_give_the_same_bytes(plan, tmp_path):
    def files():
        return {path.name: path.read_bytes() for path in (tmp_path / "plan").iterdir()}

    plan(DATA / "policy.vcf", shards=3)
    before = files()
    plan(DATA / "policy.vcf", shards=3)
    assert files() == before


def test_another_genome_changes_the_shards_that_lie_on_the_changed_contig(
    plan, make_vcf, policy_genome, tmp_path
):
    vcf = make_vcf([("chr1", 155, "T", "C"), ("MT", 3, "T", "C")])
    plan(vcf, shards=2)

    def digests():
        shards = (Shard.open(tmp_path / "plan" / f"000{i}.parquet") for i in (1, 2))
        return [shard.provenance.genome.m5 for shard in shards]

    before = digests()
    text = policy_genome.read_text()
    policy_genome.write_text(text.rstrip()[:-1] + "ACGT"[text.rstrip()[-1] == "A"] + "\n")
    plan(vcf, shards=2)
    after = digests()
    assert before[0] == after[0]  # chr1
    assert before[1] != after[1]  # MT, the last


def test_a_failed_plan_leaves_no_plan(plan, make_vcf, tmp_path):
    plan(make_vcf([("chr1", 155, "T", "C")] * 3), shards=3)
    wrong = make_vcf([("chr1", 155, "A", "C")] * 9, "wrong.vcf")
    with pytest.raises(VcfError, match="different builds"):
        plan(wrong, shards=2)
    assert list((tmp_path / "plan").iterdir()) == []


def test_a_former_plan_is_not_replaced_without_force(policy_genome, tmp_path):
    plan_shards(DATA / "policy.vcf", policy_genome, tmp_path / "p", shards=1)
    with pytest.raises(OutputError, match="--force"):
        plan_shards(DATA / "policy.vcf", policy_genome, tmp_path / "p", shards=1)


def test_scores_are_not_taken_for_a_former_plan(policy_genome, tmp_path):
    scores = tmp_path / "shards" / "0001.parquet"
    scores.parent.mkdir()
    scores.write_text("scores")
    with pytest.raises(OutputError, match=r"has 0001\.parquet.*--force"):
        plan_shards(DATA / "policy.vcf", policy_genome, scores.parent, shards=1)
    assert scores.read_text() == "scores"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "varscore plan"),
        ("{", "record of how it was made is damaged"),
        ("[]", "it has no format"),
        (json.dumps({"shards": []}), "it has no format"),
        (json.dumps({"format": 2}), "of format 2, and this varscore"),
        (json.dumps({"format": 1}), "it has no field"),
    ],
)
def test_a_folder_without_a_plan_is_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(OutputError, match=words):
        ShardPlan.read(tmp_path)


def test_no_shards_are_refused(policy_genome, tmp_path):
    with pytest.raises(OptionError, match="shards: 0"):
        plan_shards(DATA / "policy.vcf", policy_genome, tmp_path / "p", shards=0)


def test_real_variants_are_planned_in_eight_equal_shards(tmp_path):
    vcf = SHARED / "chr20_1Mb.vcf.gz"
    if not vcf.is_file():
        pytest.skip("../shared with the human data is not there")
    genome = tmp_path / "genome.fa"
    genome.symlink_to(SHARED / "chr20_1Mb.fa")
    made = plan_shards(vcf, genome, tmp_path / "plan", shards=8)
    assert made.rows == 29_144  # 28,998 records
    assert made.in_input_order
    rows = [entry.rows for entry in made.shards]
    assert sum(rows) == made.rows
    assert max(rows) < 1.03 * min(rows)
