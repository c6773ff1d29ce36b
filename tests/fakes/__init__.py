"""Servers on loopback that behave as the real ones do; nothing is patched."""
