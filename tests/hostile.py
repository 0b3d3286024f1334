"""Cases of hostile input, and what every one of them must end with.

A one-line error with a remedy that names the file, or, where the damage does no harm, an answer.
Never a traceback, a signal, an escape sequence or a hang.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

_ROOT = Path(__file__).parents[1]
_PATH = os.pathsep.join(str(_ROOT / package) for package in ("", "convert", "tui"))
"""This checkout's packages, not those of another that is installed."""
SECONDS_ALLOWED = 40
REMEDIES = re.compile(
    r"\b(fetch|give|use|check|try|train|choose|convert|leave|mend|add|shorten|make|write|export|"
    r"correct|download|remove|free|close|restore|rename|put|see|must|lists|did you mean|"
    r"change|save|name|keep|compute|copy|fit|recreate|trust|turn)\b"
)
_LONGEST = 6100
_NEVER = ("Traceback", "Warning", "Exception ignored", "a defect of localcollab")
_NOTE = re.compile(
    r"the base has no chat template|n_ctx|double-check|the answer was cut|tokens:|\(left out\)$"
    r"|the search index is made again"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Case:
    """One run of the command line. `names`: a pattern that an error must match."""

    name: str
    arguments: Sequence[str]
    names: str = ""
    ends: Literal["error", "answer", "either"] = "error"
    stdin: bytes = b""
    environment: dict[str, str] = field(default_factory=dict)
    as_nobody: bool = False


@dataclass(frozen=True)
class Outcome:
    case: Case
    code: int
    seconds: float
    out: str
    err: str
    peak_bytes: int = 0
    """Of the largest process, its children included; 0 where it was not measured."""

    def complaint(self) -> str | None:
        """Why this is no way to end; None where it is."""
        lines = self.err.splitlines()
        if self.code < 0:
            return f"ended by signal {-self.code}"
        if any(word in self.err for word in _NEVER):
            return "wrote what no user should see"
        if _CONTROL.search(self.err) or _CONTROL.search(self.out):
            return "wrote a control character"
        if self.code == 0:
            return "was no error" if self.case.ends == "error" else None
        if self.case.ends == "answer":
            return "gave no answer"
        if not lines or not lines[-1].startswith("localcollab: "):
            return "has no error as its last line"
        if not all(_NOTE.search(line) for line in lines[:-1]):
            return "said more than one line"
        if len(lines[-1]) > _LONGEST:
            return f"wrote a line of {len(lines[-1])} characters"
        if not re.search(self.case.names, lines[-1]):
            return f"does not name {self.case.names!r}"
        return None if REMEDIES.search(lines[-1]) else "says no remedy"


def complaints(outcomes: Sequence[Outcome]) -> str:
    """What is wrong with them, for a person to read; empty where nothing is."""
    return "\n".join(
        f"{o.case.name} {complaint} (code {o.code}, {o.seconds} s): {o.err[-600:]}"
        for o in outcomes
        if (complaint := o.complaint())
    )


def run_cases(cases: Sequence[Case], folder: Path) -> list[Outcome]:
    """All cases, from one driver process."""
    folder.mkdir(exist_ok=True)
    request, results = folder / "cases.jsonl", folder / "results.jsonl"
    request.write_text("".join(json.dumps(_record(case, folder)) + "\n" for case in cases))
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("hostile_driver.py")), str(request),
         str(results), str(SECONDS_ALLOWED)],
        check=True, env=os.environ | {"PYTHONPATH": _PATH},
    )  # fmt: skip
    ended = {record["name"]: record for record in map(json.loads, results.read_text().splitlines())}
    return [
        replace(
            _outcome(case, ended[case.name]["code"], ended[case.name]["seconds"], folder),
            peak_bytes=ended[case.name]["peak_bytes"],
        )
        for case in cases
    ]


def run_command(case: Case, folder: Path) -> Outcome:
    """The real command line, from its first byte."""
    folder.mkdir(exist_ok=True)
    with (
        (folder / f"{case.name}.out").open("wb") as out,
        (folder / f"{case.name}.err").open("wb") as err,
    ):
        code = subprocess.run(
            [sys.executable, "-m", "localcollab.cli.main", *case.arguments], input=case.stdin,
            stdout=out, stderr=err, timeout=SECONDS_ALLOWED, check=False,
            env=os.environ | case.environment | {"PYTHONPATH": _PATH},
        ).returncode  # fmt: skip
    return _outcome(case, code, 0.0, folder)


def _record(case: Case, folder: Path) -> dict[str, object]:
    folders = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    return {
        "name": case.name,
        "arguments": [os.fsencode(argument).hex() for argument in case.arguments],
        "stdin": case.stdin.hex(),
        "environment": folders | case.environment,
        "as_nobody": case.as_nobody,
    }


def _outcome(case: Case, code: int, seconds: float, folder: Path) -> Outcome:
    out, err = (
        (folder / f"{case.name}.{kind}").read_text("utf-8", "surrogateescape")
        for kind in ("out", "err")
    )
    return Outcome(case, code, seconds, out, err)
