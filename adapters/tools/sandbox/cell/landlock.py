"""Confining this very process: Landlock for files, TCP, signals and abstract sockets; seccomp for calls; limits for size."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys
from collections.abc import Iterable

from . import seccomp

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every kind of machine
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_LOOK = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
_OF_VERSION = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # which version of Landlock brought which rights
_BIND_AND_CONNECT = 3  # of TCP, from version 4
_SIGNALS_AND_ABSTRACT = 3  # from version 6

READABLE = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/matplotlibrc",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
)
MiB = 1024 * 1024


def version() -> int:
    """Of the kernel's Landlock; 0 where it has none."""
    found: int = ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, _ASK_VERSION)
    return max(found, 0)


def limit(memory: int, file_bytes: int, *, processes: int | None = 64, cpu_seconds: int = 300) -> None:
    """Bound what each process takes; their sum is bounded from outside only. `processes` are counted over all of the user's."""
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_CORE, 0),
    ):
        if most is None:
            continue
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def confine(*, writable: Iterable[str] = (), readable: Iterable[str] = ()) -> None:
    """Nothing but these folders (and the system's programs) can be opened from here on, and nothing outside be reached.

    Raises OSError where the kernel can't do it; then nothing may be run.
    """
    known = version()
    if not known:
        raise OSError(errno.EOPNOTSUPP, "the kernel has no Landlock")
    handled = sum(rights for since, rights in _OF_VERSION.items() if since <= known)
    # Each version of the kernel's structure is longer by a field.
    fields = [handled, _BIND_AND_CONNECT if known >= 4 else 0, _SIGNALS_AND_ABSTRACT if known >= 6 else 0]
    fields = fields[: 1 if known < 4 else 2 if known < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    rules = _call(_CREATE, attributes, len(attributes), 0)
    interpreter = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    for place in {*READABLE, *interpreter, *readable}:
        _allow(rules, place, _LOOK & handled)
    _allow(rules, "/dev/null", (_READ_FILE | _WRITE_FILE) & handled)
    for place in writable:
        _allow(rules, place, handled)
    seccomp.no_new_privileges()
    _call(_RESTRICT, rules, 0)
    os.close(rules)
    seccomp.install()


def _allow(rules: int, place: str, rights: int) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no permission
    try:
        if not os.path.isdir(place):
            rights &= _OF_FILES
        _call(_ADD, rules, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: int | bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    values = [value if isinstance(value, bytes) else ctypes.c_long(value) for value in arguments]
    done: int = libc.syscall(number, *values)
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock refused ({os.strerror(code)})")
    return done


def main(arguments: list[str]) -> None:
    """Run a program that needs no file but itself, confined, with an empty environment: `PROGRAM ARGUMENT…`."""
    program = os.path.realpath(arguments[0])
    limit(2048 * MiB, 0, processes=None, cpu_seconds=3600)
    confine(readable=(program,))
    os.execve(program, arguments, {})  # noqa: S606 - the point of it
