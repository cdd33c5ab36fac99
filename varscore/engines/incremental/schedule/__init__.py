"""What is to be computed, where, and at what cost: intervals only, no tensor."""
