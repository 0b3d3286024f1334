"""llama.cpp's own converter of the installed version: where it is, and running it.

Nothing of it is written by hand here, and nothing is fetched: `localcollab models pull --converter`
does that. It runs in a child process with its own gguf package, offline.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import platformdirs

from localcollab.errors import BadModelFile, BadOption
from localcollab_convert.staging import child

_SCRIPT = "convert_hf_to_gguf.py"
_PARTS = (_SCRIPT, "convert_lora_to_gguf.py", "conversion", "gguf-py")
_WRITING = re.compile(r"Writing:\s+(\d+)%")
_TENSOR = re.compile(r"gguf: ?(\S+),? .*-->|INFO:\S+:(\S+),\s+torch\.\w+ -->")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_MININTERVAL": "0.5"}

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Converter:
    folder: Path

    @property
    def digest(self) -> str:
        """sha256 over its source: what a converted file depends on."""
        digest = hashlib.sha256()
        for path in sorted((self.folder / "conversion").glob("*.py")):
            digest.update(path.read_bytes())
        digest.update((self.folder / _SCRIPT).read_bytes())
        return digest.hexdigest()


def cached_folder() -> Path:
    """Where `localcollab models pull --converter` puts it."""
    return platformdirs.user_cache_path("localcollab") / "converter" / version("llama-cpp-python")


def find_converter(given: Path | None) -> Converter:
    """`given`, or the cached one, or $LOCALCOLLAB_LLAMA_SDIST's. Raises `BadOption`."""
    sdist = os.environ.get("LOCALCOLLAB_LLAMA_SDIST")
    roots = [given] if given else [cached_folder(), *([Path(sdist)] if sdist else [])]
    for root in roots:
        for folder in (root, root / "vendor" / "llama.cpp"):
            if all((folder / part).exists() for part in _PARTS):
                return Converter(folder)
    if given:
        raise BadOption(f"--converter {given}: holds no {_SCRIPT}: give a llama.cpp checkout")
    raise BadOption(
        f"llama.cpp's converter is not here ({cached_folder()}): run localcollab models pull "
        "--converter, or give a llama.cpp checkout with --converter DIR"
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
    # No --model-name: llama.cpp reads special tokens otherwise where a name holds "phi-3".
    arguments = [str(source.resolve()), "--outfile", str(out), "--outtype", file_type]
    _run(converter, _SCRIPT, arguments, source, trust_tokenizer, on_progress)


def convert_lora(
    converter: Converter, adapter: Path, base: Path, out: Path, *, on_progress: OnProgress
) -> None:
    """A PEFT folder -> `out`, F32; `base`: the folder of its base's config. Raises `BadModelFile`."""
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
            on_progress(f"converting {source.name}: {writing[1]} % written")
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
            "its tokenizer is unknown to llama.cpp's converter: if it was trained here, name the one "
            "whose splitting it uses with --trust-tokenizer (gpt-2, llama-bpe, qwen2, ...)"
        )
    if "is not supported" in reason:
        return f"llama.cpp's converter does not know this model ({reason}): use another model"
    return f"llama.cpp's converter failed ({reason}): check the folder, or fetch it again"
