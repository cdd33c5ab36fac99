"""Show the demo's result: predicted against true effects.

python resources/demo/show.py results/demo/scores.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from varscore import read_scores

HERE = Path(__file__).parent
VARIANT = ["chrom", "pos", "id", "ref", "alt"]


def main(path: str) -> None:
    """Print some variants, and how well each track was predicted."""
    scores = read_scores(path)
    truth = pd.read_csv(HERE / "truth.tsv", sep="\t", keep_default_na=False, dtype={"pos": int})
    both = scores.merge(truth, on=[*VARIANT, "status"], suffixes=("", "_true"))
    if len(both) != len(truth):
        raise SystemExit(f"{path}: has other variants than {HERE / 'truth.tsv'}")
    both = both[both["status"] == "scored"]
    tracks = [column for column in scores if column.startswith("SAD_")]
    true = both[[f"{track}_true" for track in tracks]].astype(float).to_numpy()
    predicted = both[tracks].to_numpy(float)
    lines = [
        f"{path}: {len(scores)} alleles, {len(both)} of them scored, {len(tracks)} tracks",
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
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
