"""What the self-test runs in a sandbox: code that tries to get out. Importing it does nothing.

Each attempt is made in a process of its own and holds if it raises. One line of JSON tells what got through.
`canary.json` beside it says where on the host something waits to be reached.
"""

import ctypes
import json
import mmap
import os
import platform
import socket
from collections.abc import Callable
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
OWN_NAMES = {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD"}
OWN_NAMES |= {"MPLCONFIGDIR", "MPLBACKEND", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
REFUSALS = {1, 13, 38}  # EPERM, EACCES, ENOSYS: it did not get so far as to look at the arguments
Attempt = Callable[[], object]


def descriptors() -> list[int]:
    """Those that were left open."""
    found = []
    for number in range(3, 256):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            continue
    return found


def calls(number: int, *arguments: int) -> Attempt:
    """A system call: anything but a refusal means that the kernel listened."""

    def attempt() -> object:
        values = [ctypes.c_long(value) for value in arguments]
        if LIBC.syscall(number, *values) >= 0:
            return "it worked"
        code = ctypes.get_errno()
        return None if code in REFUSALS else f"the kernel looked at it ({os.strerror(code)})"

    return attempt


def writes(place: str) -> Attempt:
    """A file in a folder that is not the code's own."""

    def attempt() -> object:
        with open(os.path.join(place, "latchkey-probe"), "w") as file:
            file.write("x")
        os.unlink(os.path.join(place, "latchkey-probe"))
        return "written"

    return attempt


def reads(file: str) -> Attempt:
    """The beginning of a file that is not the code's own."""
    return lambda: len(open(file, "rb").read(64)) or None


def follows(target: str) -> object:
    """The same by a link."""
    os.symlink(target, "link")
    try:
        return open("link").read()
    finally:
        os.unlink("link")


def touches(file: str) -> None:
    """Change a file's mode and time; the host looks whether it happened."""
    os.chmod(file, 0o644)
    os.utime(file, (1, 1))


def makes_device() -> object:
    """The machine's memory, if it can."""
    os.mknod("device", 0o20600, os.makedev(1, 1))
    return "made"


def signals(pid: int) -> object:
    """A process that is not the code's own."""
    os.kill(pid, 0)
    return "signalled"


def becomes_root() -> object:
    """By asking for it."""
    os.setuid(0)
    return os.getuid() == 0


def connects(family: int, kind: int, address: str | tuple[str, int]) -> Attempt:
    """To somewhere outside."""

    def attempt() -> object:
        with socket.socket(family, kind) as made:
            made.settimeout(1)
            made.connect(address)
            return "connected"

    return attempt


def makes(family: int, kind: int, protocol: int = 0) -> Attempt:
    """A socket, which is more than code needs."""

    def attempt() -> object:
        socket.socket(family, kind, protocol).close()
        return "a socket could be made"

    return attempt


def environments() -> object:
    """Every environment that can be read, whoever's it is."""
    found = set(os.environ) - OWN_NAMES
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            pairs = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        except OSError:
            continue
        found |= {pair.partition(b"=")[0].decode(errors="replace") for pair in pairs if pair} - OWN_NAMES
    return sorted(found)[:5] or None


def own_environment() -> object:
    """What is in the code's own."""
    return sorted(set(os.environ) - OWN_NAMES)[:5] or None


def strangers() -> object:
    """Who can be signalled beyond the session that was made for this code."""
    found = []
    for pid in range(1, 70_000):
        try:
            if os.getsid(pid) != os.getsid(0):
                os.kill(pid, 0)
                found.append(pid)
        except OSError:
            continue
    return [pid for pid in found if not (pid == 1 and os.getsid(1) == 0)][:5] or None


BUFFER = ctypes.addressof(ctypes.create_string_buffer(4096))
PARENT = os.getppid()
NEW_USER, NEW_NET = 0x10000000, 0x40000000
CALLS: tuple[tuple[str, int, int, *tuple[int, ...]], ...] = (
    ("trace the parent", 101, 117, 16, PARENT, 0, 0),
    ("trace itself", 101, 117, 0, 0, 0, 0),
    ("read another's memory", 310, 270, PARENT, BUFFER, 1, BUFFER, 1, 0),
    ("io_uring", 425, 425, 8, BUFFER),
    ("keyctl", 250, 219, 0, -3, 0, 0, 0),
    ("add_key", 248, 217, BUFFER, BUFFER, BUFFER, 1, -3),
    ("bpf", 321, 280, 0, BUFFER, 72),
    ("perf events", 298, 241, BUFFER, 0, -1, -1, 0),
    ("userfaultfd", 323, 282, 0),
    ("new user namespace", 272, 97, NEW_USER),
    ("new network namespace", 272, 97, NEW_NET),
    ("enter a namespace", 308, 268, 0, 0),
    ("mount", 165, 40, BUFFER, BUFFER, BUFFER, 0, 0),
    ("chroot", 161, 51, BUFFER),
    ("pivot_root", 155, 41, BUFFER, BUFFER),
    ("fsopen", 430, 430, BUFFER, 0),
    ("open_tree", 428, 428, -100, BUFFER, 1),
    ("kernel modules", 313, 273, 0, BUFFER, 0),
    ("kexec", 246, 104, 0, 0, 0, 0),
    ("reboot", 169, 142, 0, 0, 0, 0),
    ("set the clock", 227, 112, 0, 0),
    ("memory files", 319, 279, BUFFER, 0),
    ("secret memory", 447, 447, 0),
    ("shared memory", 29, 194, 0, 0, 0o1600),
    ("message queues", 68, 186, 1, 0),
    ("semaphores", 64, 190, 0, -1, 0o1600),
    ("POSIX queues", 240, 180, BUFFER, 0o102, 0o600, 0),
    ("handles", 303, 264, -100, BUFFER, BUFFER, BUFFER, 0),
    ("open by handle", 304, 265, -100, BUFFER, 0),
    ("take a descriptor", 438, 438, 0, 0, 0),
    ("personality", 135, 92, 0x0040000),
    ("aio", 206, 0, 1, BUFFER),
    ("swap", 167, 224, BUFFER, 0),
    ("ports", 172, -1, 3),
    ("quotas", 179, 60, 0, BUFFER, 0, BUFFER),
    ("clone3", 435, 435, BUFFER, 88),
    ("the kernel's log", 103, 116, 10, 0, 0),
)
"""Name, number on x86-64, number on 64-bit ARM, arguments: such that nothing is changed or left behind where the kernel does listen."""


def clones() -> object:
    """Into a namespace of users, where everybody is root."""
    pid = LIBC.syscall(56 if X86 else 220, ctypes.c_long(NEW_USER | 17), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return None if pid < 0 else "a namespace was made"


def types_into_terminal() -> object:
    """What somebody's shell would then read."""
    done = LIBC.ioctl(0, ctypes.c_ulong(0x5412), b"x")
    return "typed" if done == 0 or ctypes.get_errno() not in REFUSALS else None


def other_architecture() -> object:
    """`int 0x80` asks the kernel as a 32-bit program would: getpid is 20 there."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    start = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return f"it was answered ({ctypes.CFUNCTYPE(ctypes.c_long)(start)()})"


def attempts(canary: dict[str, Any]) -> dict[str, Attempt]:
    """All of them, by the acceptance case that each belongs to."""
    folders = (
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/run",
        "/var/tmp",
        "/dev",
        "/dev/shm",
        "/opt",
        "/home",
        "/root",
        "/sys",
    )
    files = ("/etc/shadow", canary["secret"], "/proc/kcore", "/dev/mem", "/root/.bashrc")
    left_open = descriptors()
    stream, datagram, raw = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW
    inet, unix = socket.AF_INET, socket.AF_UNIX
    found: dict[str, Attempt] = {
        **{f"SBX-02 write to {folder}": writes(folder) for folder in folders},
        **{f"SBX-02 read {file}": reads(file) for file in files},
        "SBX-02 list /root": lambda: os.listdir("/root") or None,
        "SBX-02 make a device": makes_device,
        "SBX-02 follow a link": lambda: follows(canary["secret"]),
        "SBX-02 change the mode of a file": lambda: touches(canary["secret"]),
        "SBX-03 the host's loopback": connects(inet, stream, ("127.0.0.1", canary["port"])),
        "SBX-03 the cloud's metadata": connects(inet, stream, ("169.254.169.254", 80)),
        "SBX-03 IPv6": connects(socket.AF_INET6, stream, ("::1", canary["port"])),
        "SBX-03 name servers": connects(inet, datagram, ("192.0.2.53", 53)),
        "SBX-03 an abstract socket": connects(unix, stream, "\0" + canary["abstract"]),
        "SBX-03 a socket file": connects(unix, stream, canary["path"]),
        "SBX-03 an abstract socket by datagram": lambda: socket.socketpair(unix, datagram) and "a pair was made",
        "SBX-03 TCP": makes(inet, stream),
        "SBX-03 raw IP": makes(inet, raw, 1),
        "SBX-03 vsock": makes(40, stream),
        "SBX-03 packets": makes(17, raw),
        "SBX-03 netlink": makes(16, raw),
        "SBX-03 the kernel's cryptography": makes(38, 5),
        "SBX-04 its own environment": own_environment,
        "SBX-04 environments in /proc": environments,
        "SBX-04 descriptors left open": lambda: left_open,
        "SBX-05 signal the host": lambda: signals(canary["pid"]),
        "SBX-05 signal strangers": strangers,
        "SBX-05 become root": becomes_root,
        "SBX-05 clone into a namespace": clones,
        "SBX-05 type into a terminal": types_into_terminal,
    }
    if X86:
        found["SBX-05 calls of another architecture"] = other_architecture
    for name, x86, arm, *arguments in CALLS:
        if (x86 if X86 else arm) >= 0:
            found[f"SBX-05 {name}"] = calls(x86 if X86 else arm, *arguments)
    return found


def tried(attempt: Attempt) -> object:
    """What came of it in a process of its own; None where it was refused, or ended for trying."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            found = attempt()
        except BaseException:
            found = None
        os.write(writing, json.dumps(found, default=repr).encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        answer = told.read()
    os.waitpid(pid, 0)
    return json.loads(answer) if answer else None


def main() -> None:
    """Try everything, and tell in one line."""
    with open("canary.json") as file:
        canary = json.load(file)
    every = attempts(canary)
    broken = {name: found for name, attempt in every.items() if (found := tried(attempt))}
    print(json.dumps({"tried": len(every), "broken": broken}))


if __name__ == "__main__":
    main()
