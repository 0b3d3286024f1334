"""Finds and runs llama.cpp's own converter of the installed version.

It is downloaded by `localcollab models pull --converter`, and runs offline in a child process with its
own gguf package.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import platformdirs

from localcollab.errors import BadModelFile, BadOption
from localcollab.progress import Counted, OnProgress
from localcollab_convert.staging import child

_SCRIPT = "convert_hf_to_gguf.py"
_PARTS = (_SCRIPT, "convert_lora_to_gguf.py", "conversion", "gguf-py")
_WRITING = re.compile(r"Writing:\s+(\d+)%")
_TENSOR = re.compile(r"gguf: ?(\S+),? .*-->|INFO:\S+:(\S+),\s+torch\.\w+ -->")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_MININTERVAL": "0.5"}


@dataclass(frozen=True, slots=True)
class Converter:
    folder: Path

    @property
    def digest(self) -> str:
        """sha256 over its source, which converted files depend on."""
        digest = hashlib.sha256()
        for path in sorted((self.folder / "conversion").glob("*.py")):
            digest.update(path.read_bytes())
        digest.update((self.folder / _SCRIPT).read_bytes())
        return digest.hexdigest()


def cached_folder() -> Path:
    """Destination of `localcollab models pull --converter`."""
    return platformdirs.user_cache_path("localcollab") / "converter" / version("llama-cpp-python")


def find_converter(given: Path | None) -> Converter:
    """`given`, else the cached one, else that of $LOCALCOLLAB_LLAMA_SDIST. Raises `BadOption`."""
    sdist = os.environ.get("LOCALCOLLAB_LLAMA_SDIST")
    roots = [given] if given else [cached_folder(), *([Path(sdist)] if sdist else [])]
    for root in roots:
        for folder in (root, root / "vendor" / "llama.cpp"):
            if all((folder / part).exists() for part in _PARTS):
                return Converter(folder)
    if given:
        raise BadOption(
            f"`converter` is {given}, without {_SCRIPT}: give a llama.cpp source folder"
        )
    raise BadOption(
        f"llama.cpp's converter is not installed ({cached_folder()}): run localcollab models pull "
        "--converter, or give a llama.cpp source folder as `converter`"
    )


def convert_model(
    converter: Converter,
    source: Path,
    out: Path,
    *,
    file_type: str,
    trust_tokenizer: str | None,
    on_progress: OnProgress,
) -> None:
    """A Hugging Face folder -> `out`, unquantized (`f32`, `f16`, `bf16`). Raises `BadModelFile`."""
    # No --model-name: llama.cpp reads special tokens differently where a name contains "phi-3".
    arguments = [str(source.resolve()), "--outfile", str(out), "--outtype", file_type]
    _run(converter, _SCRIPT, arguments, source, trust_tokenizer, on_progress)


def convert_lora(
    converter: Converter, adapter: Path, base: Path, out: Path, *, on_progress: OnProgress
) -> None:
    """A PEFT folder -> `out`, F32. `base`: folder of the base's config. Raises `BadModelFile`."""
    arguments = [
        str(adapter.resolve()), "--outfile", str(out), "--outtype", "f32",
        "--base", str(base.resolve()),
    ]  # fmt: skip
    _run(converter, "convert_lora_to_gguf.py", arguments, adapter, None, on_progress)


def _run(
    converter: Converter,
    script: str,
    arguments: list[str],
    source: Path,
    trust_tokenizer: str | None,
    on_progress: OnProgress,
) -> None:
    def on_line(line: str) -> None:
        if writing := _WRITING.search(line):
            on_progress(Counted(f"writing {source.name}", int(writing[1]), 100, "%"))
        elif tensor := _TENSOR.search(line):
            on_progress(f"converting {source.name}: {tensor[1] or tensor[2]}")

    request = {
        "folder": str(converter.folder.resolve()), "script": script, "arguments": arguments,
        "pre": trust_tokenizer,
    }  # fmt: skip
    module = "localcollab_convert.model.converter_child"
    try:
        child.run(module, [json.dumps(request)], on_line, environment=_OFFLINE)
    except child.ChildFailed as error:
        raise BadModelFile(f"{source}: {_remedy(str(error))}") from error


def _remedy(reason: str) -> str:
    if "pre-tokenizer was not recognized" in reason:
        return (
            "llama.cpp's converter does not recognize its tokenizer: for a custom one, give its "
            "pre-tokenizer as `trust_tokenizer` (gpt-2, llama-bpe, qwen2, ...)"
        )
    if "is not supported" in reason:
        return f"llama.cpp's converter does not support this model ({reason}): use another model"
    return f"llama.cpp's converter failed ({reason}): check the folder, or download it again"
