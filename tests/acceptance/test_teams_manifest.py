"""Microsoft's own JSON schema has nothing to say against the manifest, with and without the preview's slash commands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from adapters.teams.manifest import EXAMPLE_ID, EXAMPLE_URL, manifest

HERE = Path(__file__).parent


@pytest.mark.parametrize("slash", [False, True])
def test_the_manifest_is_valid(tmp_path: Path, slash: bool) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest(EXAMPLE_ID, EXAMPLE_URL, slash=slash)))
    assert _judged(file) == {"file": str(file), "valid": True, "errors": []}


def test_the_judge_knows_a_bad_one(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest(EXAMPLE_ID, EXAMPLE_URL) | {"accentColor": "blue"}))
    assert _judged(file)["valid"] is False


def _judged(file: Path) -> dict[str, object]:
    command = ["node", str(HERE / "teams_manifest.mjs"), str(file)]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    judged: dict[str, object] = json.loads(found.stdout)
    return judged
