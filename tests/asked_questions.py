"""Questions at the end of a conversation that the fake team answered."""

from datetime import UTC, datetime

from chat_app import FakeTeams
from localcollab.history.records import Provenance, StoredMessage
from localcollab_tui.messages import Question

_VOCABULARY = FakeTeams().open(None, lambda text: None).model.vocabulary.fingerprint


def question(text: str, *said: tuple[str, str]) -> Question:
    """`said`: the turns before, questions with their answers."""
    before: list[StoredMessage] = []
    for n, (asked, answered) in enumerate(said):
        provenance = Provenance(vocabulary=_VOCABULARY)
        before.append(_message(2 * n, "user", asked, None))
        before.append(_message(2 * n + 1, "assistant", answered, provenance))
    ids = {m.id: tuple(m.text.encode()) for m in before if m.role == "assistant"}
    return Question(text, tuple(before), ids)


def _message(id_: int, role: str, text: str, provenance: Provenance | None) -> StoredMessage:
    return StoredMessage(
        id_, "c", None, role, "complete", text, datetime.now(UTC), (id_,), provenance  # type: ignore[arg-type]
    )  # fmt: skip
