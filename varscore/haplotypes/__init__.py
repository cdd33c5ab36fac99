"""What each copy of a chromosome carries, from phased genotypes: several alleles as one."""
