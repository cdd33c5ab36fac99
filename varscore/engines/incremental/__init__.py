"""The incremental engine: `engine` is where it starts."""
