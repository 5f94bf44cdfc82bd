"""What a run says about the tests it skipped, and ``--complete``, under which a skipped test is a failure.

Only shared data may be absent (``tests/shared.py``), and only as a whole: with the folder there, nothing may skip. A tool or a library that is
not installed, or a framework that cannot do what a test asks of it, is a failure that names the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

from tests import shared

settings.register_profile("lifline", deadline=None)  # how long an example takes says more of the machine than of the code
settings.load_profile("lifline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--complete", action="store_true", help="a skipped test is a failure, unless the folder of shared data is absent")


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a report was skipped, as the test said."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def insist(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skipped report into a failed one where nothing excuses it; expected failures stay what they are."""
    if not (config.getoption("complete") and report.skipped) or hasattr(report, "wasxfail"):
        return
    reason = reason_of(report)
    if not (reason.startswith(shared.ABSENT) and not shared.FOLDER.exists()):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which is a failure with --complete: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    insist(item.config, report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    insist(collector.config, report)
    return report


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reasons = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line(f"skipped: {sum(reasons.values()) or 'nothing'}")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"  {count} x {reason}")
