"""The agent loop: it names no key and opens no socket."""
