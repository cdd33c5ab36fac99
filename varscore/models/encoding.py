"""What a model reads: DNA letters as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from varscore.sequence import BASES

_ONE_HOT = np.full((256, 4), 0.25, dtype=np.float32)
for _channel, _base in enumerate(BASES):
    for _letter in (_base, _base.lower()):
        _ONE_HOT[ord(_letter)] = np.eye(4, dtype=np.float32)[_channel]


def one_hot(sequences: Sequence[str]) -> torch.Tensor:
    """Encode DNA strings of one length.

    Parameters
    ----------
    sequences : sequence of str, all of length L
        Any case; a letter outside ACGT (N, an IUPAC code) counts 0.25 in each channel.

    Returns
    -------
    Tensor, shape (B, 4, L), float32
        Channels in the order A, C, G, T.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    if len({len(sequence) for sequence in sequences}) > 1:
        raise ValueError("one_hot: the sequences differ in length")
    letters = np.frombuffer("".join(sequences).encode("ascii"), dtype=np.uint8)
    encoded = torch.from_numpy(_ONE_HOT[letters.reshape(len(sequences), -1)])
    return encoded.transpose(1, 2).contiguous()
