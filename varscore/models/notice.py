"""What is to be said of models that are not ones in earnest; imports no torch."""

from __future__ import annotations

from typing import Any


def notice(metadata: dict[str, Any]) -> str | None:
    """Return what must be said of a model that is not one in earnest, or None."""
    if metadata.get("untrained"):
        return (
            f"model {metadata['name']} has random weights: it is for benchmarks only, and its "
            "scores mean nothing"
        )
    if metadata.get("teaching"):
        return (
            f"model {metadata['name']} is a teaching model trained on simulated coverage: its "
            "scores mean nothing for real genomes"
        )
    return None
