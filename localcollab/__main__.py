"""`localcollab` and `python -m localcollab`: the command line, also while it is being imported."""

import sys

_EXIT_INTERRUPTED = 130


def main() -> None:
    try:
        from localcollab.cli.main import main as run
    except KeyboardInterrupt:
        print("localcollab: interrupted", file=sys.stderr)
        sys.exit(_EXIT_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
