"""The mutation run itself: what it changes, and that it tells a change that is noticed from one that is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .areas import AREAS
from .campaign import Change, Copy, Equivalent, equivalents, is_listed, limit_of, named_changes
from .operators import changes_of
from .run import HERE, ROOT, existing, report, sample, score

TOY = '''"""A toy of 1 + 1."""


def sign(value: int) -> int:
    if value < 0:
        return -1
    return 1 if value > 0 else 0


def last(value: int, most: int = 7) -> int:
    while value > most:
        value -= most
    return value
'''
TESTS = """from toy.core import last, sign


def test_sign():
    assert [sign(v) for v in (-5, 0)] == [-1, 0]
    assert last(20) == 6
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root = tmp_path / "root"
    for path, text in (("source/core.py", TOY), ("source/__init__.py", ""), ("tests/__init__.py", ""), ("tests/test_core.py", TESTS)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    made = Copy(root, tmp_path / "copy", {"": "source"}, "toy")
    made.check()
    return made


def test_signals_become_narrower_and_never_wider() -> None:
    source = "m.x = In(1), Out(range(depth + 1)), Signal(8, init=3), other(4), Signal(), Signal(range(2))"
    found = {(c.before, c.after) for c in changes_of("a.py", source)}
    assert found == {("1", "0"), ("+", "-"), ("8", "7"), ("3", "4"), ("4", "5"), ("2", "1")}


def change(before: str, after: str, line: str) -> Change:
    number = TOY.split("\n").index(line)
    return Change("source/core.py", number, line.index(before), before, after, line)


def test_one_change_is_noticed_and_one_survives_and_one_waits_for_ever(copy: Copy) -> None:
    tests = ["tests/test_core.py"]
    assert copy.test(tests, 60)[0] == "passed"
    changes = (
        (change("-1", "-2", "        return -1"), "killed", 60.0),
        (change("1 if", "2 if", "    return 1 if value > 0 else 0"), "survived", 60.0),  # no test looks at a positive value
        (change("-=", "+=", "        value -= most"), "timeout", 8.0),
    )
    outcomes = [copy.try_change("toy", c, tests, limit) for c, _, limit in changes]
    assert [o.status for o in outcomes] == [status for _, status, _ in changes]
    assert [o.noticed for o in outcomes] == [True, False, True] and score(outcomes) == 2 / 3
    assert report(outcomes).row_count == 2
    assert (copy.folder / "source/core.py").read_text() == TOY and copy.test(tests, 60)[0] == "passed", "every change is taken back"


def test_a_copy_that_imports_something_else_and_tests_that_are_not_there_are_errors(copy: Copy, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no tests in"):
        copy.test(["tests/__init__.py"], 60)
    (copy.folder / "toy" / "__init__.py").unlink()
    (copy.folder / "toy" / "core.py").unlink()
    (copy.folder / "toy").rmdir()
    with pytest.raises(RuntimeError, match="the copy imports `toy` from"):
        copy.check()
    with pytest.raises(FileNotFoundError, match=r"tests/nothing\.py"):
        existing(("tests/nothing.py",))


@pytest.mark.parametrize(("source", "expected"), [
    ("a < b", {"a <= b"}), ("a == b", {"a != b"}), ("a + 1", {"a - 1", "a + 2"}), ("x[a >> 3]", {"x[a << 3]", "x[a >> 4]"}),
    ("a and b", {"a or b"}), ("not a", {"a"}), ("-a", {"+a"}), ("~a & b", {"a & b", "~a | b"}), ("min(a, b)", {"max(a, b)"}),
    ("np.maximum(a, b)", {"np.minimum(a, b)"}), ("True", {"False"}), ("a <= b < c", {"a < b < c", "a <= b <= c"}),
    ("f(a).eq(b)", set()), ("raise E(1 + 2)", set()), ("'a < b'", set()), ("f'{a + 1}'", set()), ("assert a < b", set()), ("x: f(1)", set()),
    ("from a import b", set()), ("'ä' + 1", {"'ä' - 1", "'ä' + 2"}), ("1_000", set()),
])  # fmt: skip
def test_changes_are_single_slips_of_what_computes(source: str, expected: set[str]) -> None:
    assert {c.apply(source) for c in changes_of("x.py", source)} == expected


def test_a_change_elsewhere_than_it_says_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not stand at column 3"):
        Change("x.py", 0, 3, "<", "<=").apply("a < b")


def test_the_lists_follow_the_code() -> None:
    """Written changes stand in their files; equivalent ones are changes that could be drawn; areas have their sources and tests."""
    names = {area.name: area for area in AREAS}
    for area, found in named_changes(HERE / "changes.toml", ROOT):
        assert found.file in names[area].files and found.text.strip() != found.changed_text
    for entry in equivalents(HERE / "equivalent.toml"):
        assert any(is_listed(c, [entry]) for c in changes_of(entry.file, (ROOT / entry.file).read_text())), entry
    for area in AREAS:
        assert existing(area.tests) and all((ROOT / file).exists() for file in area.files)


def test_a_sample_takes_as_many_from_each_area_and_nothing_equivalent() -> None:
    chosen = sample(2 * len(AREAS), 3)
    assert [sum(name == area.name for name, _ in chosen) for area in AREAS] == [2] * len(AREAS)
    assert chosen == sample(2 * len(AREAS), 3) != sample(2 * len(AREAS), 4)
    assert limit_of(10) > 40


def test_equivalent_changes_are_told_by_their_lines() -> None:
    [found] = [c for c in changes_of("x.py", "  a < b".strip()) if c.before == "<"]
    assert is_listed(found, [Equivalent("x.py", "a < b", "a <= b", "why")])
    assert not is_listed(found, [Equivalent("x.py", "a < b", "a > b", "why"), Equivalent("y.py", "a < b", "a <= b", "why")])
