"""Files: written whole or not at all; what comes along with the package."""
