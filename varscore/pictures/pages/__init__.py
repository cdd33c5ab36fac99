"""Pages of a browser: one file each, that asks for nothing from anywhere."""
