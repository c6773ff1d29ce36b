"""A seccomp filter, assembled here: a slim image has no libseccomp, and a filter of one purpose is a page."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from .syscalls import LAST_KNOWN, PRETENDED, numbers

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE3 = 435
_X32 = 0x40000000

_LOAD, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data; the low halves of arguments

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_REFUSE = _ERRNO | errno.EPERM
_UNKNOWN = _ERRNO | errno.ENOSYS

_NAMESPACES = 0x7E020000  # every CLONE_NEW* that clone knows
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: they type into a terminal that others read
_AF_UNIX, _STREAM = 1, 1

PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def program(machine: str = "") -> bytes:
    """The filter for this kind of machine, as the kernel takes it. Raises OSError where there is none."""
    machine = machine or platform.machine()
    try:
        allowed = numbers(machine)
    except KeyError:
        raise OSError(errno.ENOSYS, f"there is no seccomp filter for machines of kind {machine}") from None
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    # glibc takes clone, whose flags can be looked at, where clone3 is not there.
    code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _UNKNOWN)]
    code += _case(
        allowed.pop("clone"), [(_LOAD, 0, 0, _FIRST), (_ANY_BIT, 0, 1, _NAMESPACES), (_RETURN, 0, 0, _REFUSE)]
    )
    terminal = [step for request in _TERMINAL for step in ((_EQUAL, 0, 1, request), (_RETURN, 0, 0, _REFUSE))]
    code += _case(allowed.pop("ioctl"), [(_LOAD, 0, 0, _SECOND), *terminal])
    # A pair of datagram sockets could still send to any abstract name of the host.
    code += _case(
        allowed.pop("socketpair"),
        [
            (_LOAD, 0, 0, _FIRST),
            (_EQUAL, 1, 0, _AF_UNIX),
            (_RETURN, 0, 0, _REFUSE),
            (_LOAD, 0, 0, _SECOND),
            (_AND, 0, 0, 0xF),
            (_EQUAL, 1, 0, _STREAM),
            (_RETURN, 0, 0, _REFUSE),
        ],
    )
    for name in PRETENDED.split():
        if name in allowed:
            code += [(_EQUAL, 0, 1, allowed.pop(name)), (_RETURN, 0, 0, _ERRNO)]
    for first, last in _ranges(sorted(allowed.values())):
        code += [(_AT_LEAST, 0, 2, first), (_GREATER, 1, 0, last), (_RETURN, 0, 0, _ALLOW)]
    code += [(_GREATER, 0, 1, LAST_KNOWN), (_RETURN, 0, 0, _UNKNOWN), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in code)


def _case(number: int, steps: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """These steps for this call only; it is allowed if none of them returns."""
    return [(_EQUAL, 0, len(steps) + 1, number), *steps, (_RETURN, 0, 0, _ALLOW)]


def _ranges(values: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for value in values:
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def no_new_privileges() -> None:
    """Nothing that this process starts ever gains a right. Raises OSError."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1, 0)


def install() -> None:
    """Put the filter on this process and all that it will start, for good. Raises OSError where the kernel won't."""
    steps = program()
    filled = _Program(len(steps) // 8, steps)
    _prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(filled))


def _prctl(option: int, second: int, third: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    numbers_ = [ctypes.c_ulong(value) for value in (second, third, 0, 0)]
    if libc.prctl(option, *numbers_):
        raise OSError(ctypes.get_errno(), "the kernel refuses a seccomp filter")
