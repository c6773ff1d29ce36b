"""Between the port and the cell: limits as it takes them, results as the port has them."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.tools.sandbox.cell import frames, inside
from app.ports.sandbox import CodeResult, Limits, Outcome

WORTH_TELLING = ("numpy", "pandas", "matplotlib", "openpyxl")
_META_BYTES = 64 * 1024


def job(code: str, files: Mapping[str, bytes] | None) -> dict[str, bytes]:
    """What goes in: the code, and the files under names that are made harmless."""
    given = {frames.CODE: code.encode(errors="backslashreplace")}
    for name, data in (files or {}).items():
        given[frames.plain_name(name, given)] = data
    return given


def most_back(limits: Limits) -> int:
    """Bytes that a run may hand back beside its output."""
    return _META_BYTES + limits.files * (limits.file_bytes + frames.LONGEST_NAME)


def result_of(output: bytes, handed_back: bytes, cut: str, limits: Limits) -> CodeResult:
    """What came of it, as far as it keeps to what was agreed."""
    text = output[: limits.output].decode(errors="replace").strip()
    if cut:
        return CodeResult(Outcome(cut), text)
    try:
        if len(handed_back) != frames.PREFIX + frames.length(handed_back[: frames.PREFIX], most_back(limits)):
            raise frames.BadFrame("it is cut off")
        entries = frames.unpack(handed_back[frames.PREFIX :], most_files=limits.files, most_bytes=limits.file_bytes)
        ended, left_out = int(entries[inside.ENDED]), entries[inside.LEFT_OUT].decode()[:2000].splitlines()[:10]
    except (frames.BadFrame, KeyError, ValueError):
        return CodeResult(Outcome.KILLED, text)
    told = "\n".join((text, *(f"(Not handed on: {line})" for line in left_out))).strip()
    outcome = Outcome.OK if ended == 0 else Outcome.KILLED if ended < 0 else Outcome.ERROR
    return CodeResult(outcome, told, frames.files_of(entries))
