"""`python -m varscore`: the same as `varscore`."""

from varscore.cli import main

main()
