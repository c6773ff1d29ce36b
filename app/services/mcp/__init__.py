"""Servers of tools: added and looked after by admins, signed in to by people."""
