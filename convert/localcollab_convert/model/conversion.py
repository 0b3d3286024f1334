"""Source -> unquantized GGUF -> each quantization, in resumable stages.

Files are renamed to their final names when they are complete. The manifest of a stage, in NAME.work, has
the inputs of its file: with the same inputs it is skipped, otherwise recomputed.
"""

import hashlib
import json
import os
import re
import shutil
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama.machine import available_bytes
from localcollab.progress import Counted, OnProgress
from localcollab_convert.formats.source import Source, open_source
from localcollab_convert.imatrix.file import load_imatrix
from localcollab_convert.model.converter import Converter, convert_model, find_converter
from localcollab_convert.model.request import ModelRequest, QuantizedFile
from localcollab_convert.staging import child
from localcollab_convert.staging.stages import OnNote, Stage, file_sha256, package_versions

_ORIGINAL = "original.gguf"
_GIB = 2**30
_SPARE_BYTES = 64 * 2**20
_QUANTIZED = re.compile(r"(\d+) of (\d+) tensors \((.*)\)")


class Conversion:
    """The stages of one request. `on_progress` is transient, `on_note` stays."""

    def __init__(self, request: ModelRequest, on_progress: OnProgress, on_note: OnNote) -> None:
        """Raises `BadModelFile`, `BadOption`, `BadData`: before any work starts."""
        self.request = request
        self._show, self._note = on_progress, on_note
        self._files: dict[str, QuantizedFile] = {}
        self.source: Source = open_source(request.source)
        if request.imatrix:
            load_imatrix(request.imatrix)

    @cached_property
    def _converter(self) -> Converter:
        return find_converter(self.request.converter)

    @cached_property
    def _original(self) -> Stage:
        """Its key identifies the source of every file, even after the unquantized file is deleted."""
        self._show(f"hashing {self.source.path.name}")
        key: dict[str, Any] = {"source": self.source.digest(), "versions": _versions()}
        if self.source.is_folder:
            key |= {
                "converter": self._converter.digest,
                "name": self.source.path.resolve().name,
                "file type": self.source.file_type,
                "trusted tokenizer": self.request.trust_tokenizer,
            }
        return Stage("original", self.request.work / "original", key)

    @property
    def source_sha256(self) -> str:
        """Of the file; for a folder, over the files that are converted."""
        digest: str = self._original.key["source"]
        return digest

    @property
    def digest(self) -> str:
        """Over everything that the unquantized file depends on."""
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
        return Stage(file_type, self.request.work / file_type, key)

    def check_space(self) -> None:
        """Raises `BadOption` where disk or memory is too small."""
        needed = sum(self._bytes_of(t) for t in self.request.types if self._done(t) is None)
        if needed and self.source.is_folder and self._original.outputs() is None:
            needed += self._bytes_of(self.source.file_type.upper())
            # The converter needs one tensor as stored and as F32, and PyTorch itself.
            _check_memory(self.source.largest_tensor * 8 + _GIB // 2, self.source.path)
        self.request.out.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.request.out).free
        if needed + _SPARE_BYTES * bool(needed) > free:
            raise BadOption(
                f"{self.request.out}: the files take about {needed / _GIB:.1f} GiB and "
                f"{free / _GIB:.1f} GiB are free: free some space, or give another `out`"
            )

    def _bytes_of(self, file_type: str) -> int:
        return int(self.source.n_parameters * _bits(file_type) / 8)

    @property
    def original_path(self) -> Path:
        return self._original.folder / _ORIGINAL if self.source.is_folder else self.source.path

    def original(self) -> Path:
        """The unquantized GGUF file, converted if missing. Raises `BadModelFile`."""
        path = self.original_path
        if not self.source.is_folder:
            return path
        stage = self._original
        if stage.outputs() is None:
            _begin(stage, self._note)
            partial = _partial(stage.folder, _ORIGINAL)
            convert_model(
                self._converter, self.source.path, partial, file_type=self.source.file_type,
                trust_tokenizer=self.request.trust_tokenizer, on_progress=self._show,
            )  # fmt: skip
            _rename(partial, path)
            stage.finish({}, _ORIGINAL)
            self._note(f"converted {self.source.path.name} to {self.source.file_type.upper()}")
        return path

    def quantized(self, file_type: str) -> QuantizedFile:
        """The file of one type, quantized if missing. Raises `BadModelFile`, `BadOption`."""
        done = self._done(file_type)
        if done is not None:
            self._note(f"{done.path.name}: up to date")
            return done
        stage, path = self._stage(file_type), self.request.path_of(file_type)
        if path.exists() and not stage.manifest:
            raise BadOption(
                f"{path}: exists and was not written by this command: give another `name` or `out`, or "
                "delete it"
            )
        original = self.original()
        _begin(stage, self._note)
        partial = _partial(stage.folder, path.name)
        fallbacks = self._quantize(original, partial, file_type)
        _rename(partial, path)
        notes = [f"{f['tensor']} ({f['n_columns']} columns) is {f['type']}" for f in fallbacks]
        stage.finish({"fallbacks": notes}, self._relative(path))
        file = self._remember(file_type, stage.manifest["outputs"])
        if notes:
            self._note(
                f"{path.name}: {len(notes)} tensors cannot be {file_type}, because their rows are not a "
                f"multiple of its block size: {'; '.join(notes[:3])}{'; ...' if notes[3:] else ''}"
            )
        return file

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
        module, name = (
            "localcollab_convert.model.quantize_child",
            self.request.path_of(file_type).name,
        )
        try:
            fallbacks: list[dict[str, Any]] = child.run(
                module, [json.dumps(request)], lambda line: self._show(_tensors(name, line))
            )
        except child.ChildFailed as error:
            raise BadModelFile(f"{self.source.path}: {file_type}: {_remedy(str(error))}") from error
        return fallbacks

    def is_done(self, file_type: str) -> bool:
        return self._done(file_type) is not None

    def _done(self, file_type: str) -> QuantizedFile | None:
        """The finished file; hashed once."""
        if file_type not in self._files:
            outputs = self._stage(file_type).outputs()
            if outputs is None:
                return None
            self._remember(file_type, outputs)
        return self._files[file_type]

    def _remember(self, file_type: str, outputs: dict[str, Any]) -> QuantizedFile:
        path = self.request.path_of(file_type)
        sha256, size_bytes = outputs["files"][self._relative(path)], path.stat().st_size
        file = QuantizedFile(path, file_type, sha256, size_bytes, tuple(outputs["fallbacks"]))
        self._files[file_type] = file
        return file

    def _relative(self, path: Path) -> str:
        """Path of a finished file relative to the folder of its stage."""
        return f"../../{path.name}"

    def delete_original(self) -> None:
        """The unquantized file is as large as the source and is not needed any more."""
        for path in (self.request.work / "original").glob("*.gguf*"):
            path.unlink()


def _versions() -> dict[str, str]:
    return package_versions("localcollab", "llama-cpp-python")


def _tensors(name: str, line: str) -> str | Counted:
    """What the quantizer's process says."""
    found = _QUANTIZED.fullmatch(line)
    if found is None:
        return f"{name}: {line}"
    return Counted(f"quantizing {name}", int(found[1]), int(found[2]), "tensors", found[3])


def _begin(stage: Stage, note: OnNote) -> None:
    stage.begin(note)
    for stale in stage.folder.glob("*.partial"):
        stale.unlink()


def _partial(folder: Path, name: str) -> Path:
    """A name with the process id: a child that outlives a killed parent never shares it."""
    return folder / f"{name}.{os.getpid()}.partial"


def _rename(partial: Path, path: Path) -> None:
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def _bits(file_type: str) -> float:
    """Bits a weight, an upper bound."""
    digits = next(int(part) for part in ("32", "16", *"87654321") if part in file_type)
    return digits + 0.1 if digits >= 16 else digits + 1.5


def _check_memory(needed: int, path: Path) -> None:
    free = available_bytes()
    if free is not None and needed > free:
        raise BadOption(
            f"{path}: the conversion takes about {needed / _GIB:.1f} GiB of memory and "
            f"{free / _GIB:.1f} GiB are free: close other programs, or use another machine"
        )


def _remedy(reason: str) -> str:
    if "requires an imatrix" in reason or "importance matrix" in reason:
        return "this type needs `imatrix`: create one with localcollab convert imatrix"
    return f"{reason}: download the source again, or give other `types`"
