"""The entry point of the command line: standard streams, interrupts, errors and exit codes.

It imports little, so that an interrupt is handled from the first moment; `commands` lists what can run.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from localcollab.errors import LocalcollabError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

_INTERRUPTED = "interrupted"
_MOST_CHARACTERS = 6000
"""Of an error: longer than the longest path."""
_IMPORTS = "<frozen importlib._bootstrap>"


def main() -> NoReturn:
    """Errors that a user can fix become one line on standard error, without a traceback.

    Exit codes: 0 done, 1 failed, 2 invalid command line, 130 interrupted.
    """
    before = _handle_interrupts()
    try:
        code = _run()
    except KeyboardInterrupt:
        # The next one ends the process at once, whatever still holds it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        code = _say(_INTERRUPTED, EXIT_INTERRUPTED)
    code = _flushed(code)
    if before is not None:
        signal.signal(signal.SIGINT, before)
    sys.exit(code)


def _handle_interrupts() -> signal.Handlers | None:
    """What handled SIGINT before; None: nothing is changed, as in a shell's background job."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return None
    signal.signal(signal.SIGINT, _interrupt)
    return signal.default_int_handler  # type: ignore[return-value]


def _interrupt(number: int, frame: FrameType | None) -> None:
    """An import may swallow a `KeyboardInterrupt`, or turn it into another error: end at once."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            with suppress(OSError):
                os.write(2, f"localcollab: {_INTERRUPTED}\n".encode())
            os._exit(EXIT_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _run() -> int:
    """The exit code, after its line."""
    # Imported here, where an interrupt is handled.
    import typer

    from localcollab.cli.commands import UsageError, app
    from localcollab.terminal.streams import prepare_streams
    from localcollab.terminal.visible_text import visible

    prepare_streams()
    try:
        code = int(app(standalone_mode=False, prog_name="localcollab") or 0)
    except LocalcollabError as error:
        return _say(str(error), EXIT_FAILED)
    except UsageError as error:
        code = int(error.exit_code)
        if "\n" in error.format_message():  # no command at all: the help is the message
            with suppress(OSError):
                print(visible(error.format_message()), file=sys.stderr)
            return code
        where = error.ctx.command_path if error.ctx else "localcollab"
        return _say(f"{error.format_message()} (see {where} --help)", code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader went away (as in `| head`): say nothing.
        return EXIT_FAILED
    except Exception as error:
        from localcollab.cli.unexpected import describe

        return _say(describe(error), EXIT_FAILED)
    if code == EXIT_INTERRUPTED:  # typer has caught it
        raise KeyboardInterrupt
    return code


def _say(message: str, code: int) -> int:
    """One line on standard error, made safe for a terminal. Returns `code`."""
    from localcollab.terminal.visible_text import visible

    with suppress(OSError):
        line = _shortened(visible(" ".join(message.split())))
        print(f"localcollab: {line}", file=sys.stderr, flush=True)
    return code


def _shortened(line: str) -> str:
    """A damaged file may hold a value of megabytes; what to do about it stands at the end."""
    n_left_out = len(line) - _MOST_CHARACTERS
    if n_left_out <= 0:
        return line
    end = _MOST_CHARACTERS // 3
    return f"{line[: 2 * end]} [... {n_left_out} characters left out ...] {line[-end:]}"


def _flushed(code: int) -> int:
    """The exit code. Python itself would print a traceback at exit for output it cannot write."""
    from localcollab.terminal.streams import writing_output

    try:
        with writing_output():
            sys.stdout.flush()
    except BrokenPipeError:
        code = code or EXIT_FAILED
    except LocalcollabError as error:
        # Where the command failed, its line has been written.
        code = code or _say(str(error), EXIT_FAILED)
    else:
        return code
    sys.stdout = None
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


if __name__ == "__main__":
    main()
