"""Where a command may write, looked at before its work is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.header import read_header
from localcollab_convert.staging.lock import hold


def require_writable(out: Path) -> None:
    """Makes its folder. Raises `BadOption` where that fails, or where a model or a folder would be lost;
    an older result is replaced."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOption(
            f"--out {out}: its folder cannot be made ({error.strerror}): give another"
        ) from error
    if out.is_dir():
        raise BadOption(f"--out {out}: is a folder: give the name of a file in it")
    if not out.exists():
        return
    try:
        read_header(out)
    except BadModelFile:
        return
    raise BadOption(f"--out {out}: is a model, which would be lost: give another name")


@contextmanager
def claim(out: Path, work: Path) -> Iterator[None]:
    """For a training that writes `out` and resumes in `work`. Raises `BadOption` where it cannot be
    written, or where another process trains there."""
    require_writable(out)
    remedy = "wait for it to end, or give another --out or --work"
    with hold(work, remedy, options="--out or --work"):
        yield
