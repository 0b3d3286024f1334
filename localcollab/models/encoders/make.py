"""An encoder's GGUF file: of a known name, or of a Hugging Face folder; made once, then found.

The conversion is `localcollab convert model` in a process of its own, which resumes where it was killed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from importlib.util import find_spec
from pathlib import Path

from localcollab.catalog import models_dir, pulled_path
from localcollab.children.launch import Child
from localcollab.children.limits import DAY, whole_machine
from localcollab.errors import BadModelFile, BadOption
from localcollab.models.converter import fetch_converter, has_converter
from localcollab.models.encoders.fetch import fetch_encoder
from localcollab.models.encoders.known import KnownEncoder
from localcollab.models.pull import OnNote
from localcollab.progress import OnProgress

TYPE = "F16"
_NEEDED = ("localcollab_convert", "torch", "transformers", "safetensors")
_PREFIX = "localcollab: "


def make_known(encoder: KnownEncoder, on_note: OnNote, on_progress: OnProgress) -> Path:
    """Fetched and converted where it is not here.

    Raises `BadOption`, `DownloadFailed`, `BadModelFile`.
    """
    path = pulled_path(encoder.repository, f"{encoder.title}-{TYPE}.gguf")
    if path.is_file():
        return path
    _require_convert()
    source = path.parent / encoder.title
    fetch_encoder(encoder, source, on_note, on_progress)
    if not has_converter():
        fetch_converter(on_note, on_progress)
    on_note(f"converting {encoder.title} to {TYPE}")
    _convert(source, path.parent, on_progress)
    shutil.rmtree(source)
    shutil.rmtree(path.parent / f"{encoder.title}.work", ignore_errors=True)
    return path


def make_from_folder(source: Path, on_progress: OnProgress) -> Path:
    """Of a Hugging Face folder, offline; made again when the folder changes."""
    _require_convert()
    source = source.resolve()
    of_place = hashlib.sha256(os.fsencode(source)).hexdigest()[:8]
    out = models_dir() / "converted" / of_place
    return _convert(source, out, on_progress)


def _require_convert() -> None:
    """Raises `BadOption`: before anything is downloaded."""
    for package in _NEEDED:
        if find_spec(package) is None:
            raise BadOption(
                f"converting an encoder needs {package}: pip install 'localcollab[convert]', or give "
                "an encoder as a GGUF file"
            )


def _convert(source: Path, out: Path, on_progress: OnProgress) -> Path:
    """What `convert model` says is passed on; its last line is the reason where it fails."""
    on_progress(f"converting {source.name} to {TYPE}")
    arguments = ["convert", "model", str(source), "--type", TYPE, "--out", str(out), "--json"]
    lines: deque[str] = deque([""], maxlen=1)
    with tempfile.TemporaryFile() as printed:
        child = Child(
            "localcollab", arguments, limits=whole_machine(seconds=DAY, reserves=True),
            stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.PIPE,
            environment={"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            assert child.process.stderr is not None
            for line in child.process.stderr:
                if text := line.decode("utf-8", "replace").strip():
                    lines.append(text)
                    on_progress(text)
            code = child.process.wait()
        finally:
            child.close()
        if code:
            reason = lines[0].removeprefix(_PREFIX) or f"ended with status {code}"
            raise BadModelFile(f"{source}: cannot be converted: {reason}")
        printed.seek(0)
        (made,) = json.load(printed)
    return Path(made["path"])
