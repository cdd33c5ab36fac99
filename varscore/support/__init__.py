"""Help with a result or a machine: does it hold, and are numbers here what they should be."""
