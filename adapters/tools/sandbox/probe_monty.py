"""The self-test of the interpreter: what its language must not have, and what must end."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.ports.sandbox import CodeResult, Limits, Outcome, Sandbox, SandboxUnavailable

FORBIDDEN = {
    "SBX-02 read a file": "open('/etc/passwd').read()",
    "SBX-02 write a file": "open('/tmp/latchkey-probe', 'w').write('x')",
    "SBX-02 a path": "from pathlib import Path\nPath('/etc/passwd').read_text()",
    "SBX-02 a folder": "import os\nos.listdir('/')",
    "SBX-02 remove": "import os\nos.remove('/tmp/latchkey-probe')",
    "SBX-03 socket": "import socket",
    "SBX-03 urllib": "import urllib.request",
    "SBX-03 http": "import http.client",
    "SBX-03 asyncio's connections": "import asyncio\nasyncio.open_connection('127.0.0.1', 80)",
    "SBX-04 environment": "import os\nos.environ['PATH']",
    "SBX-04 getenv": "import os\nprint(os.getenv('PATH').upper())",
    "SBX-04 this process": "open('/proc/self/environ').read()",
    "SBX-05 processes": "import subprocess",
    "SBX-05 system": "import os\nos.system('true')",
    "SBX-05 fork": "import os\nos.fork()",
    "SBX-05 exec": "import os\nos.execv('/bin/true', ['true'])",
    "SBX-05 signals": "import os\nos.kill(1, 0)",
    "SBX-05 foreign functions": "import ctypes",
    "SBX-05 memory maps": "import mmap",
    "SBX-05 threads": "import threading",
    "SBX-05 importlib": "import importlib",
    "SBX-05 the host's modules": "import sys\nsys.modules['os'].system('true')",
    "SBX-05 the host's library": "import pydantic_monty",
    "SBX-05 builtins' import": "__builtins__['__import__']('os').system('true')",
    "SBX-05 subclasses": "().__class__.__base__.__subclasses__()",
    "SBX-05 globals of a function": "(lambda: 0).__globals__['__builtins__']",
    "SBX-05 code of a function": "(lambda: 0).__code__.replace",
    "SBX-05 frames": "def g():\n    yield g\nprint(g().gi_frame.f_back.f_globals)",
    "SBX-05 frames of errors": "try:\n    1/0\nexcept Exception as e:\n    print(e.__traceback__.tb_frame.f_back)",
    "SBX-05 attributes by format": "print('{0.__class__.__base__.__subclasses__}'.format(()))",
    "SBX-05 pickle": "import pickle",
}

_SHORT = Limits(seconds=1.0, output=16 * 1024)
_LATE = 3.0


def _in_time(result: CodeResult, seconds: float) -> bool:
    return result.outcome is Outcome.TIMEOUT and seconds < _SHORT.seconds + _LATE


def _refused(result: CodeResult, seconds: float) -> bool:
    return result.outcome in {Outcome.ERROR, Outcome.KILLED, Outcome.TIMEOUT} and seconds < _SHORT.seconds + _LATE


def _flooded(result: CodeResult, seconds: float) -> bool:
    return result.outcome is Outcome.OUTPUT_LIMIT and len(result.output) <= _SHORT.output and seconds < _LATE


ORDEALS: dict[str, tuple[str, Callable[[CodeResult, float], bool]]] = {
    "SBX-06 recursion": ("def f(n): return f(n + 1)\nf(0)", _refused),
    "SBX-07 memory": ("held = []\nwhile True: held.append('x' * 1000000 + str(len(held)))", _refused),
    "SBX-07 a large number": ("10 ** 10 ** 10", _refused),
    "SBX-09 endless loop": ("while True: pass", _in_time),
    "SBX-09 sleep": ("import time\nwhile True: time.sleep(3600)", _refused),
    "SBX-10 output": ("while True: print('x' * 1000)", _flooded),
    "SBX-10 one line of output": ("print('x' * 20000000)", _flooded),
}


async def examine(sandbox: Sandbox) -> None:
    """Try everything. Raises SandboxUnavailable, which names what got through."""
    works = await sandbox.run("print(sum(range(4)))", limits=_SHORT)
    if works.output != "6":
        raise SandboxUnavailable(f"code does not run in it as it should ({works.outcome})")
    broken = []
    for name, code in FORBIDDEN.items():
        result = await sandbox.run(code, limits=_SHORT)
        if result.outcome is not Outcome.ERROR:
            broken.append(f"{name} ({result.outcome})")
    for name, (code, holds) in ORDEALS.items():
        begin = time.monotonic()
        result = await sandbox.run(code, limits=_SHORT)
        if not holds(result, time.monotonic() - begin):
            broken.append(f"{name} ({result.outcome})")
    if broken:
        raise SandboxUnavailable(f"code can get out of it, or harm what is around it: {'; '.join(broken)}")
