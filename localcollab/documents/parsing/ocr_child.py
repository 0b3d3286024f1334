"""The child that reads pictures of pages: one program draws a page, tesseract reads it, through a pipe.

Its one argument is JSON. With `pages`: a JSON line for every page, `page` and `text` or `error`. Without:
the languages that tesseract has, one a line. The programs it starts have its limits and its process
group; it can write no file, and neither can they.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from localcollab.children.bootstrap import limit

_DPI = 300
_MOST_CHARS = 1_000_000
_DRAWING = {
    "pdftoppm": ("-gray", "-r", str(_DPI), "-f", "{page}", "-l", "{page}", "{path}"),
    "gs": ("-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pgmraw", f"-r{_DPI}",
           "-dFirstPage={page}", "-dLastPage={page}", "-sOutputFile=-", "{path}"),
}  # fmt: skip
"""A grey picture on standard output."""


class _Failed(Exception):
    """Of one page; says why."""


def main(request: dict[str, Any]) -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    limit("RLIMIT_FSIZE", 0)
    if "pages" not in request:
        print("\n".join(_languages(request["tesseract"])))
        return
    for page in request["pages"]:
        try:
            answer = {"page": page, "text": _text(request, page)}
        except (_Failed, OSError) as error:
            answer = {"page": page, "error": str(error)}
        print(json.dumps(answer), flush=True)


def _languages(tesseract: str) -> list[str]:
    """After a line that says where they are."""
    found = subprocess.run([tesseract, "--list-langs"], capture_output=True, check=True)
    return found.stdout.decode("utf-8", "replace").split("\n")[1:]


def _text(request: dict[str, Any], page: int) -> str:
    name = Path(request["drawing"]).stem
    words = [word.format(page=page, path=request["path"]) for word in _DRAWING[name]]
    drawing = _started(request["drawing"], words, subprocess.DEVNULL)
    reading = _started(
        request["tesseract"],
        ["stdin", "stdout", "--dpi", str(_DPI), "-l", request["languages"]],
        drawing.stdout,
    )
    assert drawing.stdout is not None
    drawing.stdout.close()
    try:
        out, _ = reading.communicate(timeout=request["seconds"])
        # Where the reader ends early, its writer ends with it.
        drawn = drawing.wait(request["seconds"])
    except subprocess.TimeoutExpired as error:
        raise _Failed(f"takes more than {request['seconds']:g} s") from error
    finally:
        for process in (drawing, reading):
            process.kill()
            process.wait()
    if drawn:
        raise _Failed(f"{name} ended with status {drawn}")
    if reading.returncode:
        raise _Failed(f"tesseract ended with status {reading.returncode}")
    if len(out) > _MOST_CHARS:
        raise _Failed(f"more than {_MOST_CHARS} characters")
    return _clean(out.decode("utf-8", "replace"))


def _started(program: str, words: list[str], stdin: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [program, *words], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )  # fmt: skip


def _clean(text: str) -> str:
    return text.replace("\f", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
