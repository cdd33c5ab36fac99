"""Planning: a VCF is read, classified, normalised and cut into shards, once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OptionError, OutputError
from varscore.files.atomic import Partial, naming_output, remove_stale
from varscore.inputs.alleles import AlleleSource, Survey
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.options import ScoreOptions, names
from varscore.results.digest import RowDigest
from varscore.results.file import ResultFile
from varscore.results.provenance import GenomeRecord, Provenance, ShardEntry
from varscore.results.table import VARIANT_COLUMNS, variant_columns
from varscore.shards.shard import PLAN_FILE, SHARD_SCHEMA, ShardPlan
from varscore.variant import Variant

_BATCH_ROWS = 65536
_SPOOL = "alleles"  # until all are read
_MANY_SHARDS = 1000
_LEAST_ROWS = 256
_FILES = re.compile(rf"{re.escape(PLAN_FILE)}|\d{{4,}}\.parquet")
# In hundredths of a window that the model reads: a reference and an alternate for a
# substitution, one alternate more for a stitched indel, next to nothing for what is not
# scored. Engines that share work between neighbours share it in every shard.
_COST_SUBSTITUTION, _COST_INDEL, _COST_UNSCORED = 200, 300, 1


def plan_shards(
    vcf: Given,
    genome: str | Path | ReferenceGenome,
    folder: str | Path,
    *,
    shards: int | None = None,
    force: bool = False,
    options: ScoreOptions | None = None,
    refuse: Callable[[Variant], None] | None = None,
    **option: Any,
) -> ShardPlan:
    """Read a VCF and cut it into shards of about equal cost, contiguous on the genome.

    A VCF that is sorted (its contigs in whatever order) is cut as it is; one that is not is
    sorted first, contigs in the order in which they appear. Memory does not depend on the
    number of samples: some 300 MB and 20 bytes a variant, 200 where the VCF is not sorted.

    Parameters
    ----------
    vcf : Given
        As for `varscore.score_vcf`.
    genome : str, Path or ReferenceGenome
    folder : str or Path
        Made if it is missing.
    shards : int, optional
        As many are written, empty ones among them if there are fewer alleles. If not given,
        one for every 256 alleles, but at most 1,000.
    force : bool
        Replace the plan in the folder.
    options : ScoreOptions, optional
        Of them count those that are planned, such as `region`.
    refuse : callable, optional
        Raises an `OptionError` for a variant that cannot be scored, as `Scorer.refuse`.
    **option
        Single fields of `ScoreOptions`, in place of `options`.

    Returns
    -------
    ShardPlan

    Raises
    ------
    VarscoreError
        If the VCF or the genome cannot be used, or the folder cannot be written.
    """
    if shards is not None and shards < 1:
        raise OptionError(f"shards: {shards} is less than 1")
    if options is not None and option:
        raise TypeError("plan_shards: give `options` or single options, not both")
    options = options or ScoreOptions(**option)
    folder = Path(folder)
    _prepare(folder, force=force)
    with ExitStack() as failed, ExitStack() as stack:
        failed.callback(_remove_plan, folder)
        reference = genome
        if not isinstance(reference, ReferenceGenome):
            reference = stack.enter_context(ReferenceGenome(reference))
        spooled = stack.enter_context(Partial(folder / _SPOOL))
        source = stack.enter_context(AlleleSource(vcf, reference, options, folder=folder))
        survey = Survey(source, refuse)
        keys = _spool(source, spooled, survey)
        survey.judge()
        writer = _Writer(folder, source)
        with naming_output(spooled.target), pa.memory_map(str(spooled.path)) as mapped:
            table = pa.ipc.open_file(mapped).read_all()
            order, costs = keys.order(), keys.costs
            if order is not None:
                table, costs = table.take(order), costs[order]
            if shards is None:
                fitting = -(-table.num_rows // _LEAST_ROWS)
                shards = min(max(1, fitting), _MANY_SHARDS)
            entries = tuple(
                writer.write(number, table.slice(start, stop - start))
                for number, (start, stop) in enumerate(pairwise(_cut(costs, shards)), 1)
            )
            del table
        made = writer.provenance(survey.counts, survey.reason_counts)
        plan = ShardPlan(made, order is None, entries, survey.warning)
        plan.write(folder)
        failed.pop_all()
    return plan


def _prepare(folder: Path, *, force: bool) -> None:
    """Make the folder, without any former plan in it."""
    with naming_output(folder):
        folder.mkdir(parents=True, exist_ok=True)
        former = _plan_files(folder)
        if former and not force:
            raise OutputError(
                f"output {folder}: has {min(former).name}, as of a plan or its scores; give "
                "another folder, or --force to replace it"
            )
        _remove_plan(folder)
        remove_stale(folder / _SPOOL)


def _plan_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _FILES.fullmatch(path.name)]


def _remove_plan(folder: Path) -> None:
    for path in sorted(_plan_files(folder), reverse=True):  # plan.json first: without, no plan
        path.unlink()


@dataclass(frozen=True)
class _Keys:
    """What decides where a row goes, for all rows; in memory, as numbers."""

    contigs: NDArray[np.int32]  # in order of appearance
    positions: NDArray[np.int64]
    costs: NDArray[np.int64]

    def order(self) -> NDArray[np.int64] | None:
        """Return the rows' numbers in genomic order; None if that is the order they have."""
        later = np.diff(self.contigs) > 0
        same = np.diff(self.contigs) == 0
        if np.all(later | (same & (np.diff(self.positions) >= 0))):
            return None
        return np.lexsort((self.positions, self.contigs))


def _spool(source: AlleleSource, spool: Partial, survey: Survey) -> _Keys:
    """Write all alleles to a file that can be mapped into memory."""
    ranks: dict[str, int] = {}
    contigs, positions, costs = [], [], []
    with (
        naming_output(spool.target),
        open(spool.path, "wb") as file,
        pa.ipc.new_file(file, SHARD_SCHEMA) as writer,
        closing(source.batches()) as batches,
    ):
        for batch in batches:
            survey.see(batch)
            variants = [allele.variant for allele in batch]
            columns = [
                pa.array(
                    [None if v is None else getattr(v, name) for v in variants],
                    SHARD_SCHEMA.field(column).type,
                )
                for column, name in (
                    ("contig", "contig"),
                    ("variant_pos", "pos"),
                    ("variant_ref", "ref"),
                    ("variant_alt", "alt"),
                    ("variant_reference", "reference"),
                )
            ]
            writer.write_batch(
                pa.record_batch([*variant_columns(batch), *columns], schema=SHARD_SCHEMA)
            )
            places = (survey.contigs[allele.chrom].contig or allele.chrom for allele in batch)
            contigs.append(
                np.array([ranks.setdefault(name, len(ranks)) for name in places], np.int32)
            )
            positions.append(np.array([allele.pos for allele in batch], np.int64))
            costs.append(np.array([_cost(variant) for variant in variants], np.int64))
    if not costs:
        none = np.empty(0, np.int64)
        return _Keys(np.empty(0, np.int32), none, none)
    return _Keys(np.concatenate(contigs), np.concatenate(positions), np.concatenate(costs))


def _cost(variant: Variant | None) -> int:
    if variant is None:
        return _COST_UNSCORED
    return _COST_INDEL if variant.is_indel else _COST_SUBSTITUTION


def _cut(costs: NDArray[np.int64], shards: int) -> list[int]:
    """Return where shards begin and end: rows 0 <= ... <= rows, one more than shards."""
    ends = np.cumsum(costs)
    total = int(ends[-1]) if len(ends) else 0
    # A row belongs to the shard in whose share of the cost its own middle lies.
    middles = 2 * ends - costs
    targets = [2 * total * number // shards for number in range(1, shards)]
    return [0, *np.searchsorted(middles, targets).tolist(), len(costs)]


class _Writer:
    """Writes the shards of a plan."""

    def __init__(self, folder: Path, source: AlleleSource) -> None:
        self._folder, self._vcf, self._options = folder, source.name, source.options
        self._reference, self._contigs = source.genome, source.names
        self._digests: dict[str, str] = {}

    def write(self, number: int, table: pa.Table) -> ShardEntry:
        digest = RowDigest()
        statuses: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        runs: list[tuple[str, int]] = []
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            digest.update(batch[name].to_pylist() for name in VARIANT_COLUMNS)
            statuses.update(batch["status"].to_pylist())
            reasons.update(batch["reason"].drop_null().to_pylist())
            _count_runs(runs, self._names(batch))
        used = sorted(set(table["contig"].unique().to_pylist()) - {None})
        new = [contig for contig in used if contig not in self._digests]
        self._digests |= self._reference.digest(new)
        counts = dict(sorted(statuses.items()))
        entry = ShardEntry(number, table.num_rows, counts, tuple(runs), digest.hexdigest())
        with ResultFile(self._folder / entry.file_name, SHARD_SCHEMA, force=True) as file:
            for start in range(0, table.num_rows, _BATCH_ROWS):
                file.write(table.slice(start, _BATCH_ROWS))
            made = self.provenance(counts, dict(sorted(reasons.items())), used, entry)
            file.commit(made)
        return entry

    def provenance(
        self,
        statuses: Mapping[str, int],
        reasons: Mapping[str, int],
        contigs: Iterable[str] | None = None,
        entry: ShardEntry | None = None,
    ) -> Provenance:
        """Return how a shard came about, or without one the whole plan so far."""
        wanted = sorted(self._digests) if contigs is None else contigs
        m5 = {contig: self._digests[contig] for contig in wanted}
        lengths = dict(self._reference.lengths)
        return Provenance(
            genome=GenomeRecord(self._reference.path.name, lengths, m5),
            vcf=self._vcf,
            options={name: getattr(self._options, name) for name in names("planned")},
            rows=sum(statuses.values()),
            statuses=dict(statuses),
            reasons=dict(reasons),
            shard=entry,
        )

    def _names(self, batch: pa.RecordBatch) -> Iterable[str]:
        known = {
            chrom: self._contigs.match(chrom).contig or chrom
            for chrom in batch["chrom"].unique().to_pylist()
        }
        return (known[chrom] for chrom in batch["chrom"].to_pylist())


def _count_runs(runs: list[tuple[str, int]], names: Iterable[str]) -> None:
    """Extend runs of equal names, with their lengths, by more names."""
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        else:
            runs.append((name, 1))
