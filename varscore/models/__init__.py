"""Models: the architecture, its tracks, its weights in three forms, where they are found."""
