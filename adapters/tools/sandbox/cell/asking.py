"""What is asked of a runner and what it answers, by the names of their entries in a frame."""

from __future__ import annotations

from .frames import META

LIMITS = META + "limits"
"""JSON: seconds, memory, output, number of files, bytes of a file, bytes to hand back. Without it, its facts are asked for."""

FACTS = META + "facts"
OUTPUT = META + "output"
RESULT = META + "result"
CUT = META + "cut"

NOT_ISOLATED = "not isolated"
"""As CUT: the code was not run, and the output says why."""
