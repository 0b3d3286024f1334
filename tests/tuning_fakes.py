"""Members that know some answers and not others, and teams of them: real statistics, no weights."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fakes import END, N_VOCAB, byte_vocabulary
from localcollab.catalog import Catalog, ModelEntry
from localcollab.errors import EvaluationFailed, VocabularyMismatch
from localcollab.evaluation.expected import AnyOf
from localcollab.evaluation.questions import Question
from localcollab.language_model import OnChunk, Reading
from localcollab.teams.choice import TeamChoice
from localcollab.teams.opened import OpenTeam
from localcollab.tuning.cast import Cast
from localcollab.tuning.contenders import Contender
from localcollab.tuning.journal import Journal
from localcollab.tuning.make import Tuning
from localcollab.tuning.prompts import Form
from localcollab.tuning.request import TuneRequest
from localcollab.tuning.result import TuneResult
from localcollab.tuning.training import TrainHead

_ASKED = re.compile(r"Q(\d+)\?(\nAnswer:)?")


@dataclass(frozen=True)
class Knower:
    """Says "yes" to the questions it knows and "no" to the others. `sure`: the probability of each token
    of an answer, by whether it is right."""

    knows: Callable[[int], bool]
    sure: Mapping[bool, float] = field(default_factory=lambda: {True: 0.95, False: 0.5})
    only_plain: bool = False
    """It knows nothing in another form."""
    name: str = "base"
    n_embd: int = 4
    n_ctx: int = 4096
    vocabulary = byte_vocabulary()

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        rows = [self._row(tokens[: len(tokens) - last + n + 1]) for n in range(last)]
        return Reading(np.array(rows, np.float32).reshape(last, N_VOCAB))

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name

    def _row(self, tokens: Sequence[int]) -> np.ndarray:
        text = bytes(token for token in tokens if token < 256).decode()
        *_, asked = _ASKED.finditer(text)
        right = self.knows(int(asked[1])) and (bool(asked[2]) or not self.only_plain)
        script, written = (b"yes" if right else b"no"), text[asked.end() :].encode()
        p = self.sure[right]
        row = np.full(N_VOCAB, np.log((1 - p) / (N_VOCAB - 1)))
        row[script[len(written)] if len(written) < len(script) else END] = np.log(p)
        return row


def draw(share: float, seed: int) -> Callable[[int], bool]:
    """Knows this share of all questions."""
    return lambda n: random.Random(f"{seed} {n}").random() < share


@dataclass
class FakeFiles:
    """Opens members, and token-level teams by name; those that are not there share no vocabulary."""

    members: Mapping[str, Knower]
    teams: Mapping[str, Knower] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def member(self, name: str) -> OpenTeam:
        self.opened.append(name)
        return _team(name, self.members[name])

    @contextmanager
    def team(self, contender: Contender) -> Iterator[OpenTeam]:
        if contender.name not in self.teams:
            raise VocabularyMismatch("no vocabulary is shared")
        yield _team(contender.name, self.teams[contender.name])


def _team(name: str, model: Knower) -> OpenTeam:
    return OpenTeam(name, model, {"base": model}, {}, None)


def questions(numbers: Sequence[int]) -> list[Question]:
    return [Question(f"Q{n}?", "yes", expected=AnyOf(("yes",), "exact")) for n in numbers]


def _cannot_train(asked: Sequence[Question], form: Form) -> Path:
    raise EvaluationFailed("there is nothing to learn")


def tuned(
    files: FakeFiles,
    folder: Path,
    numbers: Sequence[int],
    *,
    seed: int = 0,
    n_samples: int = 1,
    notes: list[str] | None = None,
    out: Path | None = None,
    train: TrainHead | None = None,
) -> TuneResult:
    names = tuple(files.members)
    models = {name: ModelEntry(name, Path(f"/models/{name}.gguf")) for name in names}
    cast = Cast(Catalog(models), names, None, frozenset(names))
    request = TuneRequest(
        TeamChoice(), (Path("data.jsonl"),), seed=seed, n_samples=n_samples, out=out,
        writes=out is not None, trains=train is not None,
    )  # fmt: skip
    journal = Journal(folder)
    try:
        said = notes if notes is not None else []
        tuning = Tuning(
            request, cast, questions(numbers), files, journal, train or _cannot_train,
            lambda text: None, said.append,
        )  # fmt: skip
        return tuning.run()
    finally:
        journal.close()
