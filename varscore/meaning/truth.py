"""The demo's result beside the truth: its genome was simulated, so that effects are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from varscore.errors import OutputError
from varscore.results.reading import read_scores

_VARIANT = ["chrom", "pos", "id", "ref", "alt"]


def against_truth(scores: str | Path, truth: str | Path) -> str:
    """Return lines that show predicted beside true effects.

    Parameters
    ----------
    scores : str or Path
        The demo's result.
    truth : str or Path
        The table that comes with the demo.

    Raises
    ------
    OutputError
        If the result is of other variants than the demo's.
    """
    found = read_scores(scores)
    known = pd.read_csv(truth, sep="\t", keep_default_na=False, dtype={"pos": int})
    both = found.merge(known, on=[*_VARIANT, "status"], suffixes=("", "_true"))
    if len(both) != len(known) or len(both) != len(found):
        raise OutputError(
            f"{scores}: has other variants than the demo's ({len(found)} rows, expected "
            f"{len(known)} as in {truth}); give what `varscore demo` or `make demo` made"
        )
    both = both[both["status"] == "scored"]
    tracks = [name for name in map(str, found) if name.startswith("SAD_")]
    true = both[[f"{track}_true" for track in tracks]].astype(float).to_numpy()
    predicted = both[tracks].to_numpy(float)
    lines = [
        f"{scores}: {len(found)} alleles, {len(both)} of them scored, {len(tracks)} tracks",
        "",
        "SNVs that break a site, on the track of its factor (change of the summed coverage):",
        f"  {'variant':28} {'track':16} {'predicted':>10} {'true':>10}",
    ]
    breaking = both[(both["kind"] == "snv") & (both["class"] == "breaks")]
    for factor, rows in breaking.groupby("factor"):
        first, track = rows.iloc[0], f"SAD_CHIP_{factor}"
        name = f"{first['chrom']}:{first['pos']} {first['ref']}>{first['alt']}"
        lines.append(
            f"  {name:28} {track:16} {first[track]:10.2f} {float(first[f'{track}_true']):10.2f}"
        )
    lines += ["", "Correlation of predicted and true effects over all scored alleles:"]
    lines += [
        f"  {track:16} {np.corrcoef(predicted[:, i], true[:, i])[0, 1]:6.3f}"
        for i, track in enumerate(tracks)
    ]
    overall = np.corrcoef(predicted.ravel(), true.ravel())[0, 1]
    lines += [f"  {'all together':16} {overall:6.3f}", ""]
    lines += ["A teaching model on a simulated genome: these scores mean nothing elsewhere."]
    return "\n".join(lines)
