"""Where a command may write, looked at before its work is done."""

from pathlib import Path

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.header import read_header


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
