"""Runs one of llama.cpp's conversion scripts, with its own gguf package first on the path.

Two changes: the check of a tokenizer's hash is replaced for a trusted custom tokenizer, and Python code
in a model folder is never run.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

from localcollab.errors import LocalcollabError
from localcollab_convert.staging import child


def convert(request: dict[str, Any]) -> None:
    """`folder`, `script`, `arguments` and `pre`: the trusted pre-tokenizer, or None."""
    folder = Path(request["folder"])
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    _refuse_code_of_models()
    if request["pre"]:
        _trust(request["pre"])
    script = str(folder / request["script"])
    sys.argv = [script, *request["arguments"]]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        if stop.code:
            raise LocalcollabError(_last_log or f"exit code {stop.code}") from stop
    except Exception as error:
        raise LocalcollabError(f"{type(error).__name__}: {error}") from error


_last_log = ""


def _refuse_code_of_models() -> None:
    from transformers import dynamic_module_utils

    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise LocalcollabError("the model folder needs its own Python code, which is never run")

    dynamic_module_utils.get_class_from_dynamic_module = refuse
    dynamic_module_utils.get_class_in_module = refuse


def _trust(pre: str) -> None:
    from conversion import base  # type: ignore[import-not-found]

    base.TextModel.get_vocab_base_pre = lambda _model, _tokenizer: pre


if __name__ == "__main__":
    import logging

    class _Last(logging.Handler):
        """Stores the last error, which the script logs before it exits."""

        def emit(self, record: logging.LogRecord) -> None:
            global _last_log
            _last_log = record.getMessage()

    logging.basicConfig(
        level=logging.INFO, handlers=[logging.StreamHandler(), _Last(logging.ERROR)]
    )
    child.main(lambda: convert(json.loads(sys.argv[1])))
