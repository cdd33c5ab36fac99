"""Models: the architecture, its weights in three file formats, and where models are found."""
