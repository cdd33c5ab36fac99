"""Files of scores: what stands on disk, written and read; all that knows Parquet."""
