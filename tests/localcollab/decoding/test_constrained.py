"""A grammar over a model's own distribution."""

from collections.abc import Sequence

import numpy as np
import pytest

from fakes import END, N_VOCAB, ScriptedModel, fixed
from localcollab.decoding.constrained import Constrained
from localcollab.decoding.generate import generate
from localcollab.decoding.speculation import Draft
from localcollab.errors import BadOption
from localcollab.events import Finished, Token


class Only:
    """A grammar of one text."""

    def __init__(self, text: bytes) -> None:
        self._text = [*text, END]
        self.asked: list[int] = []

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        self.asked.append(len(tokens))
        assert list(tokens) == self._text[: len(tokens)], "asked about what it does not allow"
        mask = np.zeros(N_VOCAB, bool)
        mask[self._text[len(tokens)]] = True
        return mask

    def close(self) -> None:
        pass


def text_of(model: Constrained, draft: Draft | None = None) -> str:
    end = list(generate(model, [1], speculation=fixed(draft, 4) if draft else None))[-1]
    assert isinstance(end, Finished)
    return end.text


def test_only_what_the_grammar_allows_is_written() -> None:
    assert text_of(Constrained(ScriptedModel(b"something else"), Only(b"yes"), 1)) == "yes"


def test_the_probability_is_that_of_the_allowed_tokens() -> None:
    tokens = generate(Constrained(ScriptedModel(b"no"), Only(b"yes"), 1), [1])
    assert [t.probability for t in tokens if isinstance(t, Token)] == [1.0, 1.0, 1.0]


def test_a_draft_changes_nothing_and_its_wrong_proposals_are_not_asked_about() -> None:
    for script in (b"yes", b"yeah", b"nonsense"):
        draft = Draft(ScriptedModel(script), 4)
        assert text_of(Constrained(ScriptedModel(b"xx"), Only(b"yes"), 1), draft) == "yes"


def test_a_grammar_that_allows_nothing_is_an_error() -> None:
    class Nothing(Only):
        def allowed(self, tokens: Sequence[int]) -> np.ndarray:
            return np.zeros(N_VOCAB, bool)

    with pytest.raises(BadOption, match="grammar"):
        text_of(Constrained(ScriptedModel(b"x"), Nothing(b""), 1))


def test_prefill_needs_no_grammar() -> None:
    grammar = Only(b"yes")
    Constrained(ScriptedModel(b"x"), grammar, 3).read([1, 2], last=2)
    assert grammar.asked == []
