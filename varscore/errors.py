"""The errors that a user can mend.

Everything that is the input's fault, and not varscore's, is raised as a
`VarscoreError`: the command line prints its one line and ends with exit code 1.
Any other exception is a bug and keeps its traceback.
"""


class VarscoreError(Exception):
    """Bad input: the message says where, what was found, what was expected, what to do."""


class VcfError(VarscoreError):
    """The VCF cannot be read to its end."""


class GenomeError(VarscoreError):
    """The FASTA file or its index cannot be used."""


class ModelError(VarscoreError):
    """The model is unknown, its weights are absent, or they do not fit its architecture."""


class OptionError(VarscoreError):
    """Options that contradict each other, the model or the input."""


class OutputError(VarscoreError):
    """The result cannot be written, or a result cannot be read."""
