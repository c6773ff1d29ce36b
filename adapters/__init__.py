"""The edges: platforms, model vendors, key stores and tools, each behind a port of `app`."""
