"""Runs of other tests under this project's ``conftest.py``: what is skipped is counted and named, and is a failure where it has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
SKIPS = {
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='needs a C++ compiler')\ndef test_one(): pass\n",
    "call": "import pytest\ndef test_one(): pytest.skip('Norse cannot export this')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef board(): pytest.skip('no board')\ndef test_one(board): pass\n",
    "importorskip": "import pytest\ndef test_one(): pytest.importorskip('no_such_module')\n",
    "module": "import pytest\nno = pytest.importorskip('no_such_module')\ndef test_one(): pass\ndef test_two(): pass\n",
    "pytestmark": "import pytest\npytestmark = pytest.mark.skip(reason='iverilog is not installed')\ndef test_one(): pass\n",
    "unittest": "import unittest\nclass Test(unittest.TestCase):\n    def test_one(self): self.skipTest('not now')\n",
}
SHARED = "from tests import shared\n@shared.needs('nir/one.nir')\ndef test_one(): pass\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our ``conftest.py`` and no shared data."""
    pytester.makeconftest(CONFTEST.read_text())
    monkeypatch.setattr("tests.shared.FOLDER", pytester.path / "shared")
    return pytester


@pytest.mark.parametrize("kind", SKIPS)
def test_a_skip_is_a_failure_of_a_complete_run(project: pytest.Pytester, kind: str) -> None:
    project.makepyfile(test_skips=SKIPS[kind], test_passes="def test_it(): pass")
    options = ["--continue-on-collection-errors", "-p", "no:cacheprovider", "-p", "no:xdist"]
    quiet = project.runpytest_inprocess(*options)
    assert quiet.ret == 0
    quiet.assert_outcomes(passed=1, skipped=1)
    quiet.stdout.fnmatch_lines(["skipped: 1", "  1 x *", "*1 passed, 1 skipped*"])
    complete = project.runpytest_inprocess("--complete", *options)
    assert complete.ret == 1
    complete.assert_outcomes(passed=1, **{"errors" if kind not in ("call", "importorskip", "unittest") else "failed": 1})
    complete.stdout.fnmatch_lines(["*was skipped, which is a failure with --complete: *"])
    complete.stdout.fnmatch_lines(["skipped: nothing"])


def test_only_absent_shared_data_excuses_a_skip(project: pytest.Pytester) -> None:
    project.makepyfile(SHARED)
    done = project.runpytest_inprocess("--complete", "-p", "no:xdist")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["skipped: 1", "  1 x no shared data, set LIFLINE_SHARED: nir/one.nir is not in *", "*1 skipped*"])
    project.mkdir("shared")  # another folder, so that something in it is missing
    project.makepyfile(SHARED)
    done = project.runpytest_inprocess("--complete", "-p", "no:xdist")
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*which is a failure with --complete: no shared data*"])


def test_reasons_are_counted(project: pytest.Pytester) -> None:
    many = "import pytest\n@pytest.mark.parametrize('k', range(4))\ndef test_many(k): pytest.skip('no board' if k else 'no router')\n"
    project.makepyfile(many)
    done = project.runpytest_inprocess("-q", "-p", "no:xdist")
    done.stdout.fnmatch_lines(["skipped: 4", "  3 x no board", "  1 x no router", "4 skipped*"])


def test_expected_failures_and_passes_stay_what_they_are(project: pytest.Pytester) -> None:
    project.makepyfile("import pytest\n@pytest.mark.xfail(reason='later')\ndef test_one(): assert False\ndef test_two(): pass\n")
    done = project.runpytest_inprocess("--complete", "-p", "no:xdist")
    assert done.ret == 0
    done.assert_outcomes(passed=1, xfailed=1)
    done.stdout.fnmatch_lines(["skipped: nothing", "*1 passed, 1 xfailed*"])


def test_workers_report_skips_too(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parents[1]))
    project.makepyfile(SKIPS["call"])
    for options, status in (([], 0), (["--complete"], 1)):
        done = project.runpytest_subprocess("-n", "1", "-q", *options)
        assert done.ret == status
        done.stdout.fnmatch_lines(["skipped: *", "1 failed*" if options else "1 skipped*"])
