"""The inner end: takes code and files in, runs the code in a process of its own, hands back what it wrote.

It lives among the code that it runs, which may forge or break all that it says; nobody believes more of it than of the code.
What is not needed by every run is imported by those that need it: an import costs a run more than its namespaces do.
"""

from __future__ import annotations

import _ast
import os
import stat
import sys

from . import frames

PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".pdf", ".gif", ".webp")
FONTS = "/opt/latchkey/fonts"
"""Where an image keeps matplotlib's list of fonts, which takes seconds to make."""

ENDED = frames.META + "ended"
LEFT_OUT = frames.META + "left out"
_NAME = "main.py"
_LAST_FRAMES = -12


def main(result: int, most_files: int, most_bytes: int) -> None:
    """Serve the one job on standard input from this (empty) folder. Returns in the code's process only, with its exit."""
    with os.fdopen(0, "rb", closefd=False) as arrived:
        body = arrived.read()[frames.PREFIX :]
    entries = frames.unpack(body, most_files=len(body), most_bytes=len(body))
    del body
    code, given = entries[frames.CODE].decode(), frames.files_of(entries)
    for name, data in given.items():
        with open(name, "wb") as file:
            file.write(data)
    child = os.fork()
    if child:
        _collect(child, result, given, most_files, most_bytes)
        os._exit(0)
    os.close(result)
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(1, 2)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    sys.argv = [_NAME]
    sys.path.insert(0, os.getcwd())
    if "matplotlib" in code:
        _fonts()
    run(code)
    _save_figures()


def run(code: str) -> None:
    """As a notebook does: the value of a last expression is shown. What the code raises is told, and ends it with 1."""
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    scope = module.__dict__
    try:
        tree = compile(code, _NAME, "exec", _ast.PyCF_ONLY_AST + 0)  # with no literal, so that its type is left open
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
        exec(compile(tree, _NAME, "exec"), scope)
        if last is not None:
            value = eval(compile(_ast.Expression(last.value), _NAME, "eval"), scope)
            if value is not None:
                print(value if isinstance(value, str) else repr(value))
    except Exception as error:
        _tell(error, code)
        sys.exit(1)


def _tell(error: Exception, code: str) -> None:
    import linecache
    import traceback

    linecache.cache[_NAME] = (len(code), None, code.splitlines(keepends=True), _NAME)
    if isinstance(error, SyntaxError) and error.filename == _NAME:
        sys.stderr.write("".join(traceback.format_exception_only(error)))
        return
    shown = error.__traceback__.tb_next if error.__traceback__ else None  # without our own part
    traceback.print_exception(type(error), error, shown, limit=_LAST_FRAMES)


def _fonts() -> None:
    """Where matplotlib looks for its list of fonts, a list made beforehand, if there is one."""
    home = os.environ.get("MPLCONFIGDIR", "")
    try:
        listed = [entry for entry in os.scandir(FONTS) if entry.is_file()]
        os.makedirs(home, exist_ok=True)
        for entry in listed:
            with open(entry.path, "rb") as source, open(os.path.join(home, entry.name), "wb") as copy:
                copy.write(source.read())
    except OSError:
        return  # it makes one


def _save_figures() -> None:
    """What was drawn and neither saved nor closed is what the person asked to see."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or any(name.lower().endswith(PICTURES) for name in os.listdir()):
        return
    for number in pyplot.get_fignums():
        pyplot.figure(number).savefig(f"figure-{number}.png", bbox_inches="tight")


def _collect(child: int, result: int, given: dict[str, bytes], most_files: int, most_bytes: int) -> None:
    pid, status = 0, 0
    while pid != child:
        pid, status = os.waitpid(-1, 0)
    entries, left_out = {ENDED: str(os.waitstatus_to_exitcode(status)).encode()}, list[str]()
    for name in sorted(os.listdir()):
        data = _read(name, most_bytes)
        if data is None:
            left_out.append(f"{frames.plain_name(name)}: not a file, or larger than {most_bytes // 1024:,} KiB")
        elif data != given.get(name) and len(entries) <= most_files:
            entries[frames.plain_name(name, entries)] = data
        elif data != given.get(name):
            left_out.append(f"{frames.plain_name(name)}: only {most_files} files are handed on")
    entries[LEFT_OUT] = "\n".join(left_out[:10]).encode()
    with os.fdopen(result, "wb") as out:
        out.write(frames.pack(entries))


def _read(name: str, most_bytes: int) -> bytes | None:
    """A plain file's bytes; None for a link, a pipe, a folder or one that is too large."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            return None
        with os.fdopen(opened, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(opened)
