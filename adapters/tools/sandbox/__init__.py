"""Running code that nobody trusts; see `select` for which of the ways is taken."""
