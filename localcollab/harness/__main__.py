"""`python -m localcollab.harness run --model localcollab --model_args team=X ...`: its own command.

The harness finds models that it ships or that were registered before it runs; it has no plug-ins.
"""

import os
import sys
from importlib.util import find_spec

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")


def main() -> None:
    if find_spec("lm_eval") is None:
        print(
            "localcollab.harness needs lm-eval: pip install 'localcollab[harness]'", file=sys.stderr
        )
        sys.exit(1)
    for name in _OFFLINE:  # tasks of the hub's need a connection: the caller allows one by NAME=0
        os.environ.setdefault(name, "1")
    from lm_eval.__main__ import cli_evaluate

    from localcollab.errors import LocalcollabError
    from localcollab.harness import model  # noqa: F401 - registers it

    try:
        cli_evaluate()
    except LocalcollabError as error:
        print(f"localcollab: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
