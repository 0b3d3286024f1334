"""`localcollab` and `python -m localcollab`: the command line, which ctrl-C ends without a traceback.

It acts while it is imported: from here on an interrupt is one line. Before, Python itself is starting.
"""

import os

# `signal` and `typing` take milliseconds, in which nothing would handle an interrupt yet.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

_EXIT_INTERRUPTED = 130


def _end(*_: object) -> None:
    """At once: nothing has begun, and an import might swallow a `KeyboardInterrupt`."""
    try:
        os.write(2, b"localcollab: interrupted\n")
    finally:
        os._exit(_EXIT_INTERRUPTED)


_is_ours = getsignal(SIGINT) is default_int_handler  # not so in a shell's background job
if _is_ours:
    signal(SIGINT, _end)


def main() -> None:
    from localcollab.cli.main import main as run

    try:
        if _is_ours:
            signal(SIGINT, default_int_handler)  # the command line puts its own in its place
        run()
    except KeyboardInterrupt:
        _end()
    finally:
        if _is_ours:
            signal(SIGINT, SIG_DFL)  # Python clears up: an interrupt there would be a traceback


if __name__ == "__main__":
    main()
