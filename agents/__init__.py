"""The agent loop: no key, no socket, no database can be named here."""
