"""Use cases, one file per subject."""
