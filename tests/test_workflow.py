"""Files for editors, pre-commit and the place where the project lives: valid, and what they name is there."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lifline.cli.main import app

ROOT = Path(__file__).parents[1]
WORKFLOW, FORM, PRE_COMMIT = ROOT / ".github/workflows/checks.yml", ROOT / ".github/ISSUE_TEMPLATE/bug.yml", ROOT / ".pre-commit-config.yaml"


@pytest.mark.parametrize(("schema", "file"), [("github-workflows", WORKFLOW), ("github-issue-forms", FORM)])
def test_files_follow_their_schema(schema: str, file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    assert subprocess.run([*command, str(file)]).returncode == 0
    text = yaml.safe_load(file.read_text())
    text.pop("jobs", None), text.pop("body", None)
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(text))
    assert subprocess.run([*command, str(tmp_path / "wrong.yml")], capture_output=True).returncode == 1


def test_the_workflow_runs_what_must_pass() -> None:
    (job,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    (command,) = [step["run"] for step in job["steps"] if "run" in step]
    assert command == "bash .ci/run" and (ROOT / ".ci/run").is_file()
    python = next(step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == f">={python}"


def test_the_issue_form_asks_for_versions_and_seed() -> None:
    asked = {part["id"]: part for part in yaml.safe_load(FORM.read_text())["body"] if "id" in part}
    assert {"info", "seed"} <= {name for name, part in asked.items() if part["validations"]["required"]}
    assert "`lifline info --json`" in asked["info"]["attributes"]["description"]
    words = asked["seed"]["attributes"]["placeholder"].split()
    assert words[0] == "lifline"
    options = [word for word in words if word.startswith("--")]
    known = CliRunner().invoke(app, [words[1], "--help"], env={"COLUMNS": "200"}).output
    assert options and all(option in known for option in options)


def test_hooks_are_valid_and_ask_for_the_project_s_own_tools() -> None:
    assert subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", str(PRE_COMMIT)]).returncode == 0
    hooks = {hook["id"]: hook for repo in yaml.safe_load(PRE_COMMIT.read_text())["repos"] for hook in repo["hooks"]}
    tests = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    assert set(hooks) == {"ruff", "large-files", "merge-conflicts", "pyright"}
    assert set(hooks["ruff"]["additional_dependencies"]) <= set(tests), "the ruff of the tests"
    assert hooks["pyright"]["stages"] == ["manual"] and hooks["pyright"]["entry"].endswith("-m pyright")


def test_no_file_is_larger_than_the_hook_lets_pass() -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
    limit = int(PRE_COMMIT.read_text().partition("--maxkb=")[2].split()[0])
    assert [f for f in files if f and (ROOT / f).is_file() and (ROOT / f).stat().st_size > limit * 1024] == []


def test_lines_are_as_long_as_ruff_lets_them_be() -> None:
    settings = configparser.ConfigParser()
    settings.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert settings["*.py"]["max_line_length"] == str(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"])
