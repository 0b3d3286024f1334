"""The part of `convert inspect` that llama.cpp does, in a process that a hostile file may crash."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localcollab.errors import LocalcollabError
from localcollab.llama.quantizer import FILE_TYPES, quantize
from localcollab.llama.tokenizer import load_vocabulary
from localcollab_convert.staging import child


def inspect_with_llama(path: Path) -> dict[str, Any]:
    """The vocabulary, and a dry run of every quantization."""
    return {"vocabulary": _vocabulary(path), "plans": _plans(path)}


def _vocabulary(path: Path) -> dict[str, Any]:
    vocabulary = load_vocabulary(path)

    def named(tokens: frozenset[int] | set[int]) -> dict[str, int]:
        return {_printable(vocabulary.strings[token]): token for token in sorted(tokens)[:16]}

    return {
        "n_tokens": vocabulary.n_tokens,
        "fingerprint": vocabulary.fingerprint,
        "n_control": len(vocabulary.control),
        "end": named(vocabulary.end),
        "bos": named({vocabulary.bos} if vocabulary.bos is not None else set()),
        "adds_bos": vocabulary.adds_bos,
    }


def _printable(string: str) -> str:
    return string.encode("utf-8", "replace").decode()


def _plans(path: Path) -> dict[str, Any]:
    plans: dict[str, Any] = {}
    for name in FILE_TYPES:
        try:
            plan = quantize(path, path, name, dry_run=True)
        except LocalcollabError:  # a type that this build cannot plan for this file
            continue
        plans[name] = {
            "tensors": plan.types,
            "fallbacks": [asdict(fallback) for fallback in plan.fallbacks],
            "needs_imatrix": plan.needs_imatrix,
        }
    return plans


if __name__ == "__main__":
    child.main(lambda: inspect_with_llama(Path(sys.argv[1])))
