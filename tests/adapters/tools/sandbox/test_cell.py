"""The parts of the cell by themselves: what they promise where no tier would show it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tools.sandbox import hostile, launching
from adapters.tools.sandbox.cell import frames, inside, landlock, seccomp, syscalls
from app.ports.sandbox import Limits, Outcome

SANDBOX = Path(hostile.__file__).parent
PYTHON = "/usr/bin/python3"
ALONE = "import sys; sys.path.insert(0, {!r}); from cell import {}"


def test_hostile_code_finds_much_where_nothing_isolates_it(tmp_path: Path) -> None:
    canary = {
        "secret": str(tmp_path / "secret"),
        "port": 1,
        "abstract": "x",
        "path": str(tmp_path / "s"),
        "pid": os.getpid(),
    }
    (tmp_path / "secret").write_text("of the host")
    (tmp_path / "canary.json").write_text(json.dumps(canary))
    (tmp_path / "hostile.py").write_text(Path(hostile.__file__).read_text())
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o777)
    identity: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [PYTHON, "-I", "hostile.py"], cwd=tmp_path, capture_output=True, check=True, text=True, timeout=50, **identity
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["tried"] >= 70
    found = {name.partition(" ")[0] for name in told["broken"]}
    assert found == {"SBX-02", "SBX-03", "SBX-04", "SBX-05"}
    for name in ("SBX-03 TCP", "SBX-03 vsock", "SBX-05 io_uring", "SBX-05 memory files", "SBX-02 follow a link"):
        assert name in told["broken"]


def test_the_cell_imports_nothing_but_the_standard_library() -> None:
    for module in ("server", "keeper", "inside", "landlock"):
        code = ALONE.format(str(SANDBOX), module) + (
            "; print([n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names | {'cell', '__main__'}"
            " and not n.startswith('_')])"
        )
        done = subprocess.run([PYTHON, "-I", "-S", "-c", code], capture_output=True, check=True, text=True)
        assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_is_whole_and_lets_no_dangerous_call_in(machine: str) -> None:
    steps = seccomp.program(machine)
    assert len(steps) % 8 == 0
    assert len(steps) // 8 < 4096  # what the kernel takes
    assert len(steps) < 64 * 1024  # what a pipe holds
    names = set(syscalls.numbers(machine))
    assert {"read", "mmap", "openat", "execve", "exit_group"} <= names
    forbidden = (
        "socket connect bind listen accept ptrace unshare setns mount bpf io_uring_setup keyctl memfd_create shmget"
    )
    assert names & set(forbidden.split()) == set()


def test_a_machine_that_there_is_no_filter_for_is_refused_with_its_name() -> None:
    with pytest.raises(OSError, match="machines of kind s390x"):
        seccomp.program("s390x")


def test_a_program_is_confined_with_nothing_of_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    code = ALONE.format(str(SANDBOX), "landlock") + "; landlock.main(sys.argv[1:])"
    for command, allowed in (["/usr/bin/env"], True), (["/usr/bin/cat", str(secret)], False):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, *command], capture_output=True, check=False, env={"KEY": "sk-test"}
        )
        assert done.stdout == b""
        assert (done.returncode == 0) == allowed
    assert landlock.version() >= 1


@given(st.text(), st.lists(st.text(), max_size=5))
def test_any_name_becomes_a_plain_one_and_stays_it(name: str, others: list[str]) -> None:
    taken = {frames.plain_name(other): b"" for other in others}
    plain = frames.plain_name(name, taken)
    assert frames.plain_name(plain) == plain
    assert plain not in taken
    assert "/" not in plain
    assert "\0" not in plain
    assert not plain.startswith(".")
    assert len(plain.encode()) <= frames.LONGEST_NAME + 5


@given(st.dictionaries(st.text().map(frames.plain_name), st.binary(max_size=50), max_size=5))
def test_a_frame_is_read_as_it_was_packed(entries: dict[str, bytes]) -> None:
    packed = frames.pack(entries)
    body = packed[frames.PREFIX :]
    assert frames.length(packed[: frames.PREFIX], 10_000) == len(body)
    assert frames.unpack(body, most_files=5, most_bytes=50) == entries


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_reader(body: bytes) -> None:
    try:
        entries = frames.unpack(body, most_files=3, most_bytes=20)
    except frames.BadFrame:
        return
    assert all(len(data) <= 20 for data in frames.files_of(entries).values())


@pytest.mark.parametrize(
    "forged",
    [
        {"../x": b""},
        {"a": b"x" * 21},
        {"a": b"", "b": b"", "c": b""},
        {inside.ENDED: b"no number"},
        {inside.LEFT_OUT: b"\xff"},
    ],
)
def test_what_a_run_forges_is_told_as_killed_and_hands_nothing_on(forged: dict[str, bytes]) -> None:
    honest = {inside.ENDED: b"0", inside.LEFT_OUT: b""}
    frame = frames.pack({**honest, **forged})
    result = launching.result_of(b"out", frame, "", Limits(files=2, file_bytes=20))
    assert (result.outcome, result.output, dict(result.files)) == (Outcome.KILLED, "out", {})
    assert launching.result_of(b"", frames.pack(honest), "", Limits()).outcome is Outcome.OK
