"""`convert model`: source -> unquantized GGUF -> each quantization, in stages that can be resumed.

Every file gets its name only when it is whole. What a file was made from stands in its stage's
manifest, in NAME.work beside it: the same again is skipped, anything else is made anew.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.machine import available_bytes
from localcollab.llama.quantizer import FILE_TYPES
from localcollab.models.store import check_name
from localcollab_convert.model.converter import Converter, convert_model, find_converter
from localcollab_convert.model.imatrix_file import load_imatrix
from localcollab_convert.model.source import Source, open_source
from localcollab_convert.staging import child
from localcollab_convert.staging.stages import Stage, file_sha256

_ORIGINAL = "original.gguf"
_GIB = 2**30
_SPARE_BYTES = 64 * 2**20

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    source: Path
    types: tuple[str, ...]
    name: str
    out: Path
    imatrix: Path | None = None
    trust_tokenizer: str | None = None
    converter: Path | None = None
    n_threads: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """One finished file."""

    path: Path
    type: str
    sha256: str
    size_bytes: int
    fallbacks: tuple[str, ...] = field(default=())
    """Tensors that could not take the type, and what they became."""


def parse_types(types: list[str]) -> tuple[str, ...]:
    """Raises `BadOption`."""
    known = {name.upper(): name for name in FILE_TYPES}
    for given in types:
        if given.upper() not in known:
            raise BadOption(f"--type {given} is not known: choose of {', '.join(FILE_TYPES)}")
    return tuple(dict.fromkeys(known[given.upper()] for given in types))


class Conversion:
    """The stages of one request. `on_progress` is shown and forgotten, `on_note` stays."""

    def __init__(self, request: Request, on_progress: OnProgress, on_note: OnProgress) -> None:
        """Raises `BadModelFile`, `BadOption`, `BadData`: before any work starts."""
        self.request = request
        self._show, self._note = on_progress, on_note
        self._made: dict[str, Made] = {}
        self.source: Source = open_source(request.source)
        if request.trust_tokenizer and not self.source.is_folder:
            raise BadOption("--trust-tokenizer is for Hugging Face folders: leave it out")
        for file_type in request.types:
            check_name(f"{request.name}-{file_type}")
        if request.imatrix:
            load_imatrix(request.imatrix)

    @property
    def work(self) -> Path:
        return self.request.out / f"{self.request.name}.work"

    def path_of(self, file_type: str) -> Path:
        return self.request.out / f"{self.request.name}-{file_type}.gguf"

    @cached_property
    def _converter(self) -> Converter:
        return find_converter(self.request.converter)

    @cached_property
    def _original(self) -> Stage:
        """Its key says what every file is made from, also after the unquantized file is gone."""
        self._show(f"hashing {self.source.path.name}")
        key: dict[str, Any] = {"source": self.source.digest(), "versions": _versions()}
        if self.source.is_folder:
            key |= {
                "converter": self._converter.digest,
                "name": self.source.path.resolve().name,
                "file type": self.source.file_type,
                "trusted tokenizer": self.request.trust_tokenizer,
            }
        return Stage("original", self.work / "original", key)

    @property
    def source_sha256(self) -> str:
        """Of the file; of a folder, over the files that are converted."""
        digest: str = self._original.key["source"]
        return digest

    @property
    def digest(self) -> str:
        """Of everything the unquantized file depends on."""
        text = json.dumps(dict(self._original.key), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _stage(self, file_type: str) -> Stage:
        imatrix = self.request.imatrix
        key = {
            "original": self.digest,
            "type": file_type,
            "imatrix": imatrix and file_sha256(imatrix),
            "versions": _versions(),
        }
        return Stage(file_type, self.work / file_type, key)

    def check_room(self) -> None:
        """Raises `BadOption` where disk or memory would not do."""
        wanted = sum(self._bytes_of(t) for t in self.request.types if self._done(t) is None)
        if wanted and self.source.is_folder and self._original.outputs() is None:
            wanted += self._bytes_of(self.source.file_type.upper())
            # The converter holds one tensor as stored and as F32, and PyTorch itself.
            _check_memory(self.source.largest_tensor * 8 + _GIB // 2, self.source.path)
        self.request.out.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.request.out).free
        if wanted + _SPARE_BYTES * bool(wanted) > free:
            raise BadOption(
                f"{self.request.out}: the files take about {wanted / _GIB:.1f} GiB and "
                f"{free / _GIB:.1f} are free: make room, or give another --out"
            )

    def _bytes_of(self, file_type: str) -> int:
        return int(self.source.n_parameters * _bits(file_type) / 8)

    def original(self) -> Path:
        """The unquantized GGUF; made where it is missing."""
        if not self.source.is_folder:
            return self.source.path
        stage = self._original
        path = stage.folder / _ORIGINAL
        if stage.outputs() is None:
            _begin(stage, self._note)
            partial = _partial(stage.folder, _ORIGINAL)
            convert_model(
                self._converter, self.source.path, partial, file_type=self.source.file_type,
                trust_tokenizer=self.request.trust_tokenizer, on_progress=self._show,
            )  # fmt: skip
            _put(partial, path)
            stage.finish({}, _ORIGINAL)
            self._note(f"converted {self.source.path.name} to {self.source.file_type.upper()}")
        return path

    def quantized(self, file_type: str) -> Made:
        """The file of one type; made where it is missing. Raises `BadModelFile`, `BadOption`."""
        done = self._done(file_type)
        if done is not None:
            self._note(f"{done.path.name}: up to date")
            return done
        stage, path = self._stage(file_type), self.path_of(file_type)
        if path.exists() and not stage.manifest:
            raise BadOption(
                f"{path}: exists and was not made here: give another --name or --out, or remove it"
            )
        original = self.original()
        _begin(stage, self._note)
        partial = _partial(stage.folder, path.name)
        fallbacks = self._quantize(original, partial, file_type)
        _put(partial, path)
        notes = [f"{f['tensor']} ({f['n_columns']} columns) is {f['type']}" for f in fallbacks]
        stage.finish({"fallbacks": notes}, self._beside(path))
        made = self._keep(file_type, stage.manifest["outputs"])
        if notes:
            self._note(
                f"{path.name}: {len(notes)} tensors cannot be {file_type}, their rows are no multiple "
                f"of its blocks: {'; '.join(notes[:3])}{'; ...' if notes[3:] else ''}"
            )
        return made

    def _quantize(self, original: Path, out: Path, file_type: str) -> list[dict[str, Any]]:
        request = {
            "source": str(original), "out": str(out), "type": file_type,
            "imatrix": str(self.request.imatrix) if self.request.imatrix else None,
            "n_threads": self.request.n_threads,
            "provenance": {
                "localcollab.source_sha256": self.source_sha256,
                "localcollab.version": version("localcollab"),
            },
        }  # fmt: skip
        module, name = "localcollab_convert.model.quantize_child", self.path_of(file_type).name
        try:
            fallbacks: list[dict[str, Any]] = child.run(
                module, [json.dumps(request)], lambda line: self._show(f"{name}: {line}")
            )
        except child.ChildFailed as error:
            raise BadModelFile(f"{self.source.path}: {file_type}: {_remedy(str(error))}") from error
        return fallbacks

    def is_done(self, file_type: str) -> bool:
        return self._done(file_type) is not None

    def _done(self, file_type: str) -> Made | None:
        """What is finished; each file is hashed once."""
        if file_type not in self._made:
            outputs = self._stage(file_type).outputs()
            if outputs is None:
                return None
            self._keep(file_type, outputs)
        return self._made[file_type]

    def _keep(self, file_type: str, outputs: dict[str, Any]) -> Made:
        path = self.path_of(file_type)
        sha256, size_bytes = outputs["files"][self._beside(path)], path.stat().st_size
        made = Made(path, file_type, sha256, size_bytes, tuple(outputs["fallbacks"]))
        self._made[file_type] = made
        return made

    def _beside(self, path: Path) -> str:
        """A finished file as its stage's folder sees it."""
        return f"../../{path.name}"

    def drop_original(self) -> None:
        """The unquantized file is as large as the source: it goes when everything is made."""
        for path in (self.work / "original").glob("*.gguf*"):
            path.unlink()


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("localcollab", "llama-cpp-python")}


def _begin(stage: Stage, note: OnProgress) -> None:
    stage.begin(note)
    for stale in stage.folder.glob("*.partial"):
        stale.unlink()


def _partial(folder: Path, name: str) -> Path:
    """A name of this process: a child that outlives a killed parent never shares it."""
    return folder / f"{name}.{os.getpid()}.partial"


def _put(partial: Path, path: Path) -> None:
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def _bits(file_type: str) -> float:
    """Bits a weight, from above."""
    digits = next(int(part) for part in ("32", "16", *"87654321") if part in file_type)
    return digits + 0.1 if digits >= 16 else digits + 1.5


def _check_memory(wanted: int, path: Path) -> None:
    free = available_bytes()
    if free is not None and wanted > free:
        raise BadOption(
            f"{path}: converting takes about {wanted / _GIB:.1f} GiB of memory and "
            f"{free / _GIB:.1f} are free: close other programs, or convert on another machine"
        )


def _remedy(reason: str) -> str:
    if "requires an imatrix" in reason or "importance matrix" in reason:
        return "this type needs --imatrix: make one with localcollab convert imatrix"
    return f"{reason}: fetch the source again, or choose another --type"
