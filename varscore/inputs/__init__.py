"""VCF and FASTA: from files to located alleles; all that knows pysam."""
