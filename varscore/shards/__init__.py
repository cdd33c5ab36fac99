"""A scattered job: cut a VCF into shards, score each, join the scores, go on after a crash."""
