"""What the self-test runs in a sandbox: code that tries to get out. It is never imported, only run, from its text.

Each attempt is made in a process of its own and holds if it raises. One line of JSON tells what got through.
`canary.json` beside it says where on the host something waits to be reached.
"""

import ctypes
import json
import mmap
import os
import platform
import socket
import sys
from collections.abc import Callable

CANARY = json.load(open("canary.json"))
OPEN_AT_START = []
for number in range(3, 256):
    try:
        os.fstat(number)
        OPEN_AT_START.append(number)
    except OSError:
        pass

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
OWN_NAMES = {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD"}
OWN_NAMES |= {"MPLCONFIGDIR", "MPLBACKEND", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
REFUSALS = {1, 13, 38}  # EPERM, EACCES, ENOSYS: it did not get so far as to look at the arguments
ATTEMPTS: dict[str, Callable[[], object]] = {}


def kernel(name: str, x86: int, arm: int, *arguments: int) -> None:
    """An attempt to make a system call: anything but a refusal means that the kernel listened."""

    def attempt() -> object:
        values = [ctypes.c_long(value) for value in arguments]
        if LIBC.syscall(x86 if X86 else arm, *values) >= 0:
            return "it worked"
        code = ctypes.get_errno()
        return None if code in REFUSALS else f"the kernel looked at it ({os.strerror(code)})"

    if (x86 if X86 else arm) >= 0:
        ATTEMPTS[f"SBX-05 {name}"] = attempt


def writes(place: str) -> Callable[[], object]:
    def attempt() -> object:
        with open(os.path.join(place, "latchkey-probe"), "w") as file:
            file.write("x")
        os.unlink(os.path.join(place, "latchkey-probe"))
        return "written"

    return attempt


for folder in (
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
):
    ATTEMPTS[f"SBX-02 write to {folder}"] = writes(folder)
for file in ("/etc/shadow", CANARY["secret"], "/proc/kcore", "/dev/mem", "/root/.bashrc"):
    ATTEMPTS[f"SBX-02 read {file}"] = lambda file=file: len(open(file, "rb").read(64)) or None
ATTEMPTS["SBX-02 list /root"] = lambda: os.listdir("/root") or None
ATTEMPTS["SBX-02 device"] = lambda: os.mknod("dev", 0o20600, os.makedev(1, 1)) or "made"
os.symlink(CANARY["secret"], "secret-link")
ATTEMPTS["SBX-02 link"] = lambda: open("secret-link").read()
os.unlink("secret-link")


def touch() -> None:
    os.chmod(CANARY["secret"], 0o644)  # the host looks whether it happened
    os.utime(CANARY["secret"], (1, 1))


ATTEMPTS["SBX-02 change the mode of a file outside"] = touch


def connects(family: int, kind: int, address: object) -> Callable[[], object]:
    def attempt() -> object:
        with socket.socket(family, kind) as made:
            made.settimeout(1)
            made.connect(address)
            return "connected"

    return attempt


def makes(family: int, kind: int, protocol: int = 0) -> Callable[[], object]:
    def attempt() -> object:
        socket.socket(family, kind, protocol).close()
        return "a socket could be made"

    return attempt


for name, attempt in {
    "the host's loopback": connects(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", CANARY["port"])),
    "the cloud's metadata": connects(socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    "IPv6": connects(socket.AF_INET6, socket.SOCK_STREAM, ("::1", CANARY["port"])),
    "name servers": connects(socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.53", 53)),
    "an abstract socket": connects(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + CANARY["abstract"]),
    "a socket file": connects(socket.AF_UNIX, socket.SOCK_STREAM, CANARY["path"]),
    "an abstract socket by datagram": lambda: (
        socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) and "a pair was made"
    ),
    "TCP": makes(socket.AF_INET, socket.SOCK_STREAM),
    "raw IP": makes(socket.AF_INET, socket.SOCK_RAW, 1),
    "vsock": makes(40, socket.SOCK_STREAM),
    "packets": makes(17, socket.SOCK_RAW),
    "netlink": makes(16, socket.SOCK_RAW),
    "the kernel's cryptography": makes(38, 5),
}.items():
    ATTEMPTS[f"SBX-03 {name}"] = attempt


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


ATTEMPTS["SBX-04 its own environment"] = own_environment
ATTEMPTS["SBX-04 environments in /proc"] = environments
ATTEMPTS["SBX-04 descriptors left open"] = lambda: OPEN_AT_START
ATTEMPTS["SBX-05 signal the host"] = lambda: os.kill(CANARY["pid"], 0) or "signalled"
ATTEMPTS["SBX-05 signal strangers"] = strangers
ATTEMPTS["SBX-05 become root"] = lambda: os.setuid(0) or os.getuid() == 0

BUFFER = ctypes.addressof(ctypes.create_string_buffer(4096))
NEW_USER, NEW_NET = 0x10000000, 0x40000000
for called in (
    ("trace the parent", 101, 117, 16, os.getppid(), 0, 0),
    ("trace itself", 101, 117, 0, 0, 0, 0),
    ("read another's memory", 310, 270, os.getppid(), BUFFER, 1, BUFFER, 1, 0),
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
    ("set the clock", 227, 112, 0, BUFFER),
    ("memory files", 319, 279, BUFFER, 0),
    ("secret memory", 447, 447, 0),
    ("shared memory", 29, 194, 0, 4096, 0o1600),
    ("message queues", 68, 186, 0, 0o1600),
    ("semaphores", 64, 190, 0, 1, 0o1600),
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
):
    kernel(*called)


def clones() -> object:
    pid = LIBC.syscall(56 if X86 else 220, ctypes.c_long(NEW_USER | 17), 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return None if pid < 0 else "a namespace was made"


def types_into_terminal() -> object:
    done = LIBC.ioctl(0, ctypes.c_ulong(0x5412), b"x")
    return "typed" if done == 0 or ctypes.get_errno() not in REFUSALS else None


def other_architecture() -> object:
    """`int 0x80` asks the kernel as a 32-bit program would: getpid is 20 there."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    start = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return f"it was answered ({ctypes.CFUNCTYPE(ctypes.c_long)(start)()})"


ATTEMPTS["SBX-05 clone into a namespace"] = clones
ATTEMPTS["SBX-05 type into a terminal"] = types_into_terminal
if X86:
    ATTEMPTS["SBX-05 calls of another architecture"] = other_architecture


def tried(attempt: Callable[[], object]) -> object:
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


BROKEN = {name: found for name, attempt in ATTEMPTS.items() if (found := tried(attempt))}
print(json.dumps({"tried": len(ATTEMPTS), "broken": BROKEN}))
sys.exit(0)
