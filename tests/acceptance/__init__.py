"""Latchkey as a whole process, against counterparts written by others."""
