"""What the model says of one place: a variant in full, a profile, a region, an interval."""
