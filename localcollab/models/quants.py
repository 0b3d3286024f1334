"""Which GGUF file of a repository is meant: by its name, by its quantization, or the usual one."""

import re

from localcollab.errors import BadOption
from localcollab.models.hub import HubFile, Repository
from localcollab.models.listing import size_text
from localcollab.storage.parts import part_names, part_of

USUAL = "Q4_K_M"
_QUANT = re.compile(
    r"(?<![A-Za-z0-9])(I?Q[1-8]_[A-Z0-9]+(?:_[A-Z0-9]+)*|TQ[12]_0|MXFP4|BF16|F?P?16|F?P?32)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_NOT_A_MODEL = re.compile(r"(^|[/._-])(mmproj|imatrix)([._-]|$)", re.IGNORECASE)
"""Image projectors and importance matrices come as GGUF, too."""
# Bits per weight, about.
_BITS = {"Q2_K": 3.2, "Q3_K_S": 3.5, "Q3_K_M": 3.95, "Q3_K_L": 4.3, "IQ4_XS": 4.4, "IQ4_NL": 4.6,
         "Q4_0": 4.6, "Q4_K_S": 4.6, "Q4_K_M": 4.9, "Q4_1": 5.1, "Q5_0": 5.5, "Q5_K_S": 5.5,
         "Q5_K_M": 5.7, "Q5_1": 6.0, "Q6_K": 6.6, "Q8_0": 8.5, "F16": 16, "BF16": 16,
         "F32": 32}  # fmt: skip
_MAX_SHOWN = 12


def quant_of(file: str) -> str | None:
    """As llama.cpp names it, from a file's name."""
    found = _QUANT.findall(file.rpartition("/")[2].removesuffix(".gguf").removesuffix(".GGUF"))
    if not found:
        return None
    name = str(found[-1]).upper()
    return f"F{name.lstrip('FP')}" if name.lstrip("FP") in ("16", "32") else name


def choose(repository: Repository, wanted: str | None) -> HubFile:
    """`wanted`: a file or a quantization; None: Q4_K_M, else the nearest to it.

    Raises `BadOption`, with the choices, where none or several files are meant.
    """
    if not repository.files:
        raise BadOption(
            f"{repository.name} holds no GGUF file: look for a repository of the model's GGUF files, or "
            "convert the model (localcollab convert model)"
        )
    named = [file for file in repository.files if file.name == wanted]
    if wanted is not None and not named and wanted.lower().endswith(".gguf"):
        raise _refusal(repository, f"holds no {wanted}")
    found = named or _by_quant(repository, wanted)
    if len(found) > 1:
        raise _refusal(repository, f"holds {len(found)} files of {quant_of(found[0].name)}")
    return _whole(repository, found[0])


def _by_quant(repository: Repository, wanted: str | None) -> list[HubFile]:
    """Of a split file its first part. Raises `BadOption` where no file is meant."""
    models = [
        file
        for file in repository.files
        if not _NOT_A_MODEL.search(file.name) and _part(file) in (None, 1)
    ]
    if wanted is None and len(models) == 1:
        return models
    quants = {quant for file in models if (quant := quant_of(file.name))}
    if wanted is None and quants:
        wanted = min(sorted(quants), key=_distance)
    found = [file for file in models if wanted and quant_of(file.name) == wanted.upper()]
    if not found:
        lack = f"holds no file of {wanted}" if wanted else "does not name its files' quantizations"
        raise _refusal(repository, lack)
    return found


def _distance(quant: str) -> float:
    digit = re.search(r"\d", quant)
    assert digit
    return abs(_BITS.get(quant, int(digit[0]) + 0.7) - _BITS[USUAL])


def _part(file: HubFile) -> int | None:
    found = part_of(file.name.rpartition("/")[2])
    return found[0] if found else None


def _whole(repository: Repository, file: HubFile) -> HubFile:
    """Of a model in parts the first, with the size of all. Raises `BadOption` where one is missing."""
    if _part(file) is None:
        return file
    folder, slash, name = file.name.rpartition("/")
    names = [f"{folder}{slash}{part}" for part in part_names(name)]
    listed = {each.name: each for each in repository.files}
    missing = next((part for part in names if part not in listed), None)
    if missing is not None:
        raise BadOption(
            f"{repository.name}: {file.name} is one of {len(names)} parts, and {missing} is not there: "
            "choose another quantization"
        )
    sizes = [listed[part].size_bytes for part in names]
    known = [size for size in sizes if size is not None]
    return HubFile(names[0], sum(known) if len(known) == len(sizes) else None)


def _refusal(repository: Repository, what: str) -> BadOption:
    """With the choices. A split file stands there once."""
    files = [file for file in repository.files if _part(file) in (None, 1)]
    shown = [f"{file.name}{_size(file)}" for file in files[:_MAX_SHOWN]]
    more = f" and {len(files) - _MAX_SHOWN} more" if len(files) > _MAX_SHOWN else ""
    return BadOption(
        f"{repository.name} {what}: name one as {repository.name}:FILE, of {', '.join(shown)}{more}"
    )


def _size(file: HubFile) -> str:
    if _part(file) is not None or file.size_bytes is None:
        return ""
    return f" ({size_text(file.size_bytes)})"
