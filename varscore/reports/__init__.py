"""Results as pages to read: where findings and their words meet pictures."""
