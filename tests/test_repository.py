"""What a clone must hold before any of it runs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-runner.lock")
LINK = r"(?:\]\(|src=\"|srcset=\")([^)\s#\"]+)"
RUNS = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}


def locked(lock: str) -> dict[str, str]:
    """Each package's version."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in map(ROOT.joinpath, listed.stdout.splitlines()) if path.is_file()]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_carries_hashes_and_no_lock_names_a_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.findall(r"^[a-z0-9-]+==.*?(?=^[a-z0-9-]+==|\Z)", text, re.MULTILINE | re.DOTALL)
    assert {entry.partition("==")[0] for entry in entries} == set(locked(lock))
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_the_npm_lock_carries_hashes_and_names_no_host() -> None:
    text = (ROOT / "tests/acceptance/package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity": "sha512-') == text.count('"node_modules/')


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", RUNS + EXTRAS["build"]),
        ("requirements-dev.lock", RUNS + EXTRAS["build"] + EXTRAS["dev"]),
    ],
)
def test_the_locks_fit_the_bounds_of_the_project_file(lock: str, wanted: list[Requirement]) -> None:
    versions = locked(lock)
    missing = [str(r) for r in wanted if not r.specifier.contains(versions.get(canonicalize_name(r.name), "0"))]
    assert missing == []


def test_what_is_developed_with_is_what_runs() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


def test_every_direct_dependency_has_its_line_in_the_decision() -> None:
    decision = (ROOT / "docs/adr/0006-dependencies.md").read_text().lower()
    counterparts = json.loads((ROOT / "tests/acceptance/package.json").read_text())["dependencies"]
    names = [*(r.name.lower() for r in RUNS + EXTRAS["build"] + EXTRAS["dev"]), *counterparts]
    assert [name for name in names if name not in decision] == []


def test_the_image_installs_nothing_unlocked() -> None:
    installs = re.findall(r"^RUN .*pip install .*$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(installs) == 3
    for line in installs:
        assert (
            re.search("--require-hashes --only-binary :all: -r requirements(-runner)?.lock$", line)
            or "--no-deps --no-build-isolation" in line
        )


def test_the_runners_image_has_what_code_may_import_and_of_ours_the_cell_alone() -> None:
    stage = re.search(r"AS runner\n(.*?)(?=^FROM)", (ROOT / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL)
    assert stage
    assert re.findall(r"^COPY (\S+)", stage[1], re.MULTILINE) == [
        "requirements-runner.lock",
        "adapters/tools/sandbox/cell",
    ]
    assert "pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-runner.lock" in stage[1]
    assert stage[1].count("install ") == 2
    assert "pip uninstall --yes setuptools pip" in stage[1]
    assert "ENV" not in re.findall(r"^[A-Z]+", stage[1], re.MULTILINE)
    wanted = [line.partition(">")[0] for line in (ROOT / "requirements-runner.in").read_text().splitlines()[1:]]
    assert wanted == ["matplotlib", "numpy", "pandas"]


def test_the_runner_is_held_as_tightly_as_its_self_test_wants() -> None:
    runner = yaml.safe_load((ROOT / "manifests/compose.yaml").read_text())["services"]["runner"]
    assert (runner["network_mode"], runner["read_only"], runner["user"]) == ("none", True, "65534:65534")
    assert (runner["cap_drop"], runner["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert runner["environment"] == {}
    assert runner["volumes"] == ["runner:/run/latchkey"]
    assert runner["mem_limit"] == runner["memswap_limit"]
    assert runner["init"]
    assert runner["pids_limit"] <= 256
    assert not {"env_file", "secrets", "ports", "privileged", "devices"} & set(runner)


def test_make_lists_every_task() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tasks = set(re.findall(r"^\s+make ([\w-]+)", listed, re.MULTILINE))
    assert tasks == {"help", "setup", "demo", "test", "acceptance", "lint", "format", "bench", "bench-usage", "lock"}


def test_every_link_between_our_pages_leads_to_what_is_committed() -> None:
    kept = set(tracked())
    targets = [(page, to) for page in tracked("*.md") for to in re.findall(LINK, page.read_text()) if "://" not in to]
    dead = [f"{page.name}: {to}" for page, to in targets if not _leads_to(page.parent / to, kept)]
    assert dead == []


def _leads_to(place: Path, kept: set[Path]) -> bool:
    resolved = place.resolve()
    return resolved in kept or any(resolved in path.parents for path in kept)


def test_every_setting_is_explained_and_stands_in_the_example() -> None:
    page, example = (ROOT / "docs/architecture.md").read_text(), (ROOT / "manifests/.env.example").read_text()
    names = [str(field.validation_alias) for field in Settings.model_fields.values()]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)) == set(names)


def test_the_example_leaves_alone_what_the_image_sets() -> None:
    image = set(re.findall(r"\b(LATCHKEY_\w+)=", (ROOT / "Dockerfile").read_text()))
    example = (ROOT / "manifests/.env.example").read_text()
    assert image & set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == set()


def test_no_file_holds_a_key_a_path_of_the_machine_it_was_written_on_or_a_registry() -> None:
    telling = re.compile(
        rb"sk-ant-api[0-9]|xoxb-[0-9]{6,}|(?<![\w.])/(?:home|Users|work)/\w|npmj[s]\.|pyp[i]\.org|pythonhoste[d]"
    )
    assert [str(path.relative_to(ROOT)) for path in tracked() if telling.search(path.read_bytes())] == []


def test_the_command_is_installed_beside_the_interpreter() -> None:
    assert PROJECT["scripts"] == {"latchkey": "app.cli:main"}
    assert (Path(sys.executable).parent / "latchkey").is_file()
