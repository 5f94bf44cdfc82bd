"""Files that are written: one way for everything that lifline writes, whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from .errors import LiflineError, OutputError

PathLike = str | os.PathLike[str]


def write_file(path: PathLike, write: Callable[[Path], object], error: type[LiflineError] = OutputError) -> None:
    """Let ``write`` make a file beside ``path`` and move it there once it is complete. A file that is there already stays until then.

    The file that ``write`` is given has the suffix of ``path``. A link is followed; its permissions follow the umask, or are those of the
    file that is replaced.

    Raises
    ------
    error   if ``path`` is no name for a file, is there and no regular file (a folder, a pipe, a device), or cannot be written.
    """
    target = check_target(path, error)
    try:
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=".lifline-"))
    except OSError as problem:
        raise error(_cannot(path, problem)) from problem
    try:
        part = folder / f"whole{target.suffix[:16]}"
        write(part)
        part.chmod(_mode(target))
        os.replace(part, target)
    except LiflineError:
        raise
    except (OSError, ValueError) as problem:  # libraries say so of an ending that they do not know
        raise error(_cannot(path, problem)) from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_target(path: PathLike, error: type[LiflineError] = OutputError, *, sources: Iterable[PathLike] = ()) -> Path:
    """Where a file can be written, links followed; before long work, so that it is not in vain.

    Parameters
    ----------
    sources : files that are read, none of which it may be.

    Raises
    ------
    error   as :func:`write_file`, and if it is one of ``sources``.
    """
    try:
        name = os.fsdecode(path)
        if not name or not os.path.basename(name.rstrip("/")) or name.endswith("/"):
            raise error(f"cannot write `{name}`: give the name of a file")
        target = Path(os.path.realpath(name))
        if not target.parent.is_dir():
            raise error(f"cannot write `{name}`: the folder `{target.parent}` does not exist; make it, or name another file")
        try:
            kind = target.stat().st_mode
        except FileNotFoundError:
            return target
        if stat.S_ISDIR(kind):
            raise error(f"cannot write `{name}`: it is a folder; give the name of a file in it")
        if not stat.S_ISREG(kind):
            raise error(f"cannot write `{name}`: it is a pipe, a device or a socket; name a regular file")
        for source in sources:
            if os.path.exists(source) and os.path.samefile(source, target):
                raise error(f"cannot write `{name}`: it is the file that is read; name another one")
    except (OSError, ValueError, TypeError) as problem:
        if isinstance(problem, LiflineError):
            raise
        raise error(_cannot(path, problem)) from problem
    return target


def _cannot(path: object, problem: Exception) -> str:
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else problem
    return f"cannot write `{path}` ({reason}); is there such a folder, with room, that can be written?"


def _mode(target: Path) -> int:
    """Permissions of a file that is there, else those that the umask leaves to a new one."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0o077)  # there is no other way to learn it; files of other threads are private for that moment
    os.umask(mask)
    return 0o666 & ~mask
