"""`check`, `plan` and `score` say the same of every VCF: statuses, exit code, reason.

VCFs are made record by record, so that what must become of each is known beforehand.
"""

import json
import random
from collections import Counter

import pytest
from needs import CI
from writers import HEADER, write_fasta, write_vcf, write_weights

import varscore.inputs.alleles
import varscore.scoring
from varscore import ScoreOptions, read_metadata, score_vcf
from varscore.engines.auto import engine_limits
from varscore.errors import OptionError, VarscoreError
from varscore.inputs.check import check_vcf
from varscore.models.registry import load_model
from varscore.shards.plan import plan_shards

PLACES = ("nowhere", "beginning", "middle", "end", "scattered", "everywhere")
VCFS = 300 if CI else 30
LONGEST = 20
RNG = random.Random(9)
CONTIGS = {name: "".join(RNG.choices("ACGT", k=900)) for name in ("chr1", "2", "MT")}
NAMES = {"chr1": ("chr1", "1"), "2": ("2", "chr2"), "MT": ("MT", "chrM", "M")}


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return write_fasta(tmp_path_factory.mktemp("agreement") / "genome.fa", CONTIGS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of a model of 256 bp."""
    return write_weights(tmp_path_factory.mktemp("model") / "tiny.safetensors", 256)


@pytest.fixture(scope="module")
def model(weights):
    return load_model(weights, device="cpu")


def other(base, rng):
    return rng.choice("ACGT".replace(base, ""))


def right(rng):
    """A record with up to three ALTs of one base, of a REF that the genome has."""
    contig = rng.choice(list(CONTIGS))
    pos = rng.randint(1, 890)
    ref = CONTIGS[contig][pos - 1]
    alts = rng.sample("ACGT".replace(ref, ""), rng.choice((1, 1, 2, 3)))
    if rng.random() < 0.2:
        alts = [ref + alts[0]]
    return (rng.choice(NAMES[contig]), pos, ref, ",".join(alts)), ["scored"] * len(alts)


def wrong(rng):
    """A record of a REF that the genome does not have."""
    (chrom, pos, ref, _), _ = right(rng)
    ref = other(ref, rng)
    alts = [other(ref, rng), ref + "A", "<DEL>"][: rng.randint(1, 3)]
    return (chrom, pos, ref, ",".join(alts)), [
        "symbolic_allele" if alt == "<DEL>" else "ref_mismatch" for alt in alts
    ]


def odd(rng):
    """A record that says nothing about the build."""
    (chrom, pos, ref, _), _ = right(rng)
    return rng.choice(
        [
            ((chrom, pos, ref, "<DEL>"), ["symbolic_allele"]),
            ((chrom, pos, ref, "*,<INS>"), ["spanning_deletion", "symbolic_allele"]),
            ((chrom, pos, ref, "."), ["missing_alt"]),
            ((chrom, pos, ref, ref), ["no_change"]),
            ((chrom, pos, ref, f"{ref}N"), ["ambiguous_allele"]),
            ((chrom, pos, "A", "C" * (LONGEST + 1)), ["too_long"]),
            (("chr99", pos, ref, f"{ref}A,*"), ["unknown_contig", "spanning_deletion"]),
            ((chrom, 901, "A", "C"), ["outside_contig"]),
            ((chrom, 0, "A", "C"), ["outside_contig"]),
        ]
    )


def mixed(place, rng):
    """Records of which some mismatch, now too many and now a few less."""
    n = rng.choice((0, 1, 4, 9, 14, 15, 16, 30, 45))
    some = round(n * rng.choice((0.1, 0.2, 0.35, 0.5))) + rng.randint(-1, 1)
    n_wrong = {"nowhere": 0, "everywhere": n}.get(place, some)
    n_wrong = min(max(n_wrong, 0), n)
    n_right = n - n_wrong
    before = {"beginning": 0, "end": n_right, "middle": n_right // 2}.get(place, 0)
    kinds = before * [right] + n_wrong * [wrong] + (n_right - before) * [right]
    if place == "scattered":
        rng.shuffle(kinds)
    for _ in range(rng.choice((0, 0, 3, 20))):
        kinds.insert(rng.randint(0, len(kinds)), odd)
    return [kind(rng) for kind in kinds]


def within(records, region):
    """The records whose POS lies in a region such as 2:100-800."""
    if region is None:
        return records
    contig, _, span = region.partition(":")
    first, last = map(int, span.split("-"))
    return [
        ((chrom, pos, *rest), statuses)
        for (chrom, pos, *rest), statuses in records
        if chrom in NAMES[contig] and first <= pos <= last
    ]


def refused(records, options):
    """Whether these records are to be refused."""
    contigs = {chrom for (chrom, *_), _ in records}
    if contigs and not contigs - {"chr99"}:
        return True
    # A Pólya urn: the chance of the list under the right build, one record after the other,
    # from 5 balls for a match, 0.01 for a swap, 0.001 for a complement; a fault is 1 in 2000.
    urn = {"match": 5.0, "swapped": 0.01, "complement": 0.001}
    odds = 1.0
    for (chrom, pos, ref, alts), statuses in records:
        if "scored" not in statuses and "ref_mismatch" not in statuses:
            continue
        contig = next(name for name, other in NAMES.items() if chrom in other)
        found = CONTIGS[contig][pos - 1]
        became = dict(zip(alts.split(","), statuses, strict=True))
        kind = "other"
        if "scored" in statuses:
            kind, alt = "match", next(a for a, s in became.items() if s == "scored")
        else:
            tried = [a for a, s in became.items() if s == "ref_mismatch"]
            swaps = [a for a in tried if CONTIGS[contig][pos - 1 :].startswith(a)]
            alt = (swaps or tried)[0]
            if swaps:
                kind = "swapped"
            elif found == dict(zip("ACGT", "TGCA", strict=True))[ref]:
                kind = "complement"
        chance = {"match": 1 / 4, "complement": 1 / 4, "swapped": 4.0 ** -min(len(alt), 3)}
        chance["other"] = 1 - sum(chance.values())
        if kind == "other":
            odds *= 5e-4 / chance[kind]
        else:
            odds *= (1 - 5e-4) * urn[kind] / sum(urn.values()) / chance[kind]
            urn[kind] += 1
    return odds < 1 and not options.allow_ref_mismatches


def run(command):
    """Return what a command gives, and the message with which it ends, or None."""
    try:
        return command(), None
    except VarscoreError as error:
        return None, str(error)


def assert_agreement(vcf, genome, model, options, folder):
    """Run all three; return the statuses, and the message of all or None."""
    report = check_vcf(vcf, genome, options, engine_limits(options, model))
    planned = {
        name: getattr(options, name)
        for name in ("region", "max_allele_length", "allow_ref_mismatches")
    }
    plan, plan_problem = run(
        lambda: plan_shards(vcf, genome, folder / "plan", shards=2, force=True, **planned)
    )
    out = folder / "o.parquet"
    summary, problem = run(
        lambda: score_vcf(vcf, genome, out, model=model, options=options, force=True)
    )
    assert report.problem == plan_problem == problem
    if problem is None:
        assert plan.statuses == summary.statuses == report.statuses
        assert read_metadata(out)["statuses"] == report.statuses
        assert plan.rows == summary.rows == report.rows
        out.unlink()
    else:
        assert not out.exists()
        assert not (folder / "plan" / "plan.json").exists()
    return report.statuses, problem


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_three_commands_agree(place, genome, model, tmp_path, monkeypatch):
    ends = Counter()
    for seed in range(VCFS // len(PLACES)):
        rng = random.Random(f"{place} {seed}")
        records = mixed(place, rng)
        options = ScoreOptions(
            max_allele_length=LONGEST,
            region=rng.choice((None, None, None, "2:100-800")),
            allow_ref_mismatches=rng.random() < 0.1,
        )
        # In pieces of whatever size: nothing may depend on them.
        monkeypatch.setattr(varscore.inputs.alleles, "_BATCH_ALLELES", rng.choice((1, 4, 999)))
        monkeypatch.setattr(varscore.scoring, "_CHUNK_ALLELES", rng.choice((3, 10, 999)))
        vcf = write_vcf(tmp_path / "some.vcf", (fields for fields, _ in records))
        statuses, problem = assert_agreement(vcf, genome, model, options, tmp_path)
        kept = within(records, options.region)
        assert statuses == Counter(status for _, found in kept for status in found)
        assert (problem is not None) == refused(kept, options), problem
        # The records in another order: the same counts, the same verdict.
        rng.shuffle(records)
        write_vcf(vcf, (fields for fields, _ in records))
        again = check_vcf(vcf, genome, options)
        assert (again.statuses, again.problem is None) == (statuses, problem is None)
        ends[problem is None] += 1
    assert ends[True] > VCFS // 60
    assert ends[False] > VCFS // 60 or place == "nowhere"


@pytest.mark.parametrize("place", PLACES)
def test_the_three_commands_end_alike(place, varscore, genome, weights, tmp_path):
    records = mixed(place, random.Random(f"{place} 7"))
    vcf = write_vcf(tmp_path / "some.vcf", (fields for fields, _ in records))
    shared = [vcf, "--genome", genome, "--max-allele-length", LONGEST]
    model = ["--model", weights, "--device", "cpu"]
    codes, lines, found = set(), set(), []
    for command, statuses in (
        (["check", *shared, *model, "--json"], lambda out: json.loads(out)["statuses"]),
        (
            ["plan", *shared, "-o", tmp_path / "plan"],
            lambda _: json.loads((tmp_path / "plan" / "plan.json").read_text())["statuses"],
        ),
        (
            ["score", *shared, *model, "-o", tmp_path / "o.parquet"],
            lambda _: read_metadata(tmp_path / "o.parquet")["statuses"],
        ),
    ):
        code, out, err = varscore(*command)
        codes.add(code)
        if code:
            lines.add(err.splitlines()[-1])
        else:
            found.append(Counter(statuses(out)))
    expected = Counter(status for _, statuses in records for status in statuses)
    assert codes == {int(refused(records, ScoreOptions()))}
    assert len(lines) == len(codes - {0})
    assert all(statuses == expected for statuses in found)


def test_mismatches_of_the_first_thousands_are_not_the_whole(genome, model, tmp_path):
    """Of 20,192 records 40 % of the first 8,192 mismatch: one in six of all."""
    rng = random.Random(1)
    good = [("2", pos, ref, other(ref, rng)) for pos, ref in enumerate(CONTIGS["2"][:50], 1)]
    strands = ("AT", "CG")
    bad = []  # neither swapped nor of the other strand
    for chrom, pos, ref, _ in good:
        bad.append((chrom, pos, *next(pair for pair in strands if ref not in pair)))
    rows = [rng.choice(bad if number % 5 < 2 else good) for number in range(8192)]
    rows += [rng.choice(good) for _ in range(12_000)]
    vcf = write_vcf(tmp_path / "some.vcf", rows)
    options = ScoreOptions(max_allele_length=LONGEST)
    statuses, problem = assert_agreement(vcf, genome, model, options, tmp_path)
    assert statuses == {"scored": 16_914, "ref_mismatch": 3278}
    assert problem is None
    # 5,000 more of them at the end are 41 % of 20,192 records.
    rows[-5000:] = 5000 * [bad[0]]
    write_vcf(vcf, rows)
    _, problem = assert_agreement(vcf, genome, model, options, tmp_path)
    assert "of 20192 REF alleles compared, 8278 differ" in problem


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"max_allele_length": 65}, "max_allele_length: 65 is more than a quarter"),
        ({"max_allele_length": LONGEST, "shifts": (65,)}, "shifts: 65 is more than a quarter"),
        ({"max_allele_length": LONGEST, "tracks": "brain"}, "tracks"),
        ({"max_allele_length": LONGEST, "region": "chr7"}, "region 'chr7'"),
    ],
)
def test_check_refuses_options_that_score_refuses(option, message, genome, model, tmp_path):
    vcf = write_vcf(tmp_path / "some.vcf", [("chr1", 1, "A", "<DEL>")])
    options = ScoreOptions(**option)
    with pytest.raises(OptionError, match=message) as scored:
        score_vcf(vcf, genome, tmp_path / "o.parquet", model=model, options=options)
    with pytest.raises(OptionError) as checked:
        check_vcf(vcf, genome, options, engine_limits(options, model))
    assert str(checked.value) == str(scored.value)


def test_check_refuses_memory_that_score_refuses(genome, model, tmp_path):
    vcf = write_vcf(tmp_path / "some.vcf", [("chr1", 1, "A", "<DEL>")])
    options = ScoreOptions(max_allele_length=LONGEST, tracks="track_1")
    scored = run(
        lambda: score_vcf(
            vcf, genome, tmp_path / "o", model=model, options=options, memory=1000
        )
    )
    checked = run(
        lambda: check_vcf(vcf, genome, options, engine_limits(options, model, memory=1000))
    )
    assert checked == scored
    assert "do not suffice for one window" in checked[1]


def test_what_a_model_may_refuse_is_noted_where_none_is_given(genome, model, tmp_path):
    vcf = write_vcf(tmp_path / "some.vcf", [("chr1", 1, "A", "<DEL>")])
    options = ScoreOptions(max_allele_length=10_000)
    report = check_vcf(vcf, genome, options)
    assert report.problem is None
    assert "of its window; see --model" in str(report)
    assert report.to_dict()["note"] in str(report)
    options = ScoreOptions(max_allele_length=LONGEST)
    assert "note" not in str(check_vcf(vcf, genome, options, engine_limits(options, model)))


def test_a_variant_that_the_engine_does_not_score(genome, model, tmp_path):
    """`--indels trim` gives an indel no frame that the incremental engine could keep to."""
    ref = CONTIGS["2"][99]
    rows = [("2", 100, ref, f"{ref}A"), ("2", 100, ref, other(ref, RNG))]
    vcf = write_vcf(tmp_path / "some.vcf", rows[1:])
    options = ScoreOptions(max_allele_length=LONGEST, engine="incremental", indels="trim")
    assert assert_agreement(vcf, genome, model, options, tmp_path)[1] is None
    write_vcf(vcf, rows)
    report = check_vcf(vcf, genome, options, engine_limits(options, model))
    scored = run(lambda: score_vcf(vcf, genome, tmp_path / "o", model=model, options=options))
    assert report.statuses == {"scored": 2}
    assert report.problem == scored[1]
    assert "the incremental engine does not score it because" in report.problem


@pytest.mark.parametrize("text", ["", "once upon a time\n", HEADER + "chr1\t1\t.\n"])
def test_what_cannot_be_read_ends_all_three_alike(text, genome, model, tmp_path):
    vcf = tmp_path / "some.vcf"
    vcf.write_text(text)
    options = ScoreOptions(max_allele_length=LONGEST)
    problems = {
        run(lambda: check_vcf(vcf, genome, options))[1],
        run(lambda: plan_shards(vcf, genome, tmp_path / "plan"))[1],
        run(lambda: score_vcf(vcf, genome, tmp_path / "o", model=model, options=options))[1],
    }
    assert len(problems) == 1
    assert None not in problems
