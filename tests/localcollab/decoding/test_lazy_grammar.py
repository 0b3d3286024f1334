"""A grammar that begins within a text, over a vocabulary of a few tokens."""

from collections.abc import Sequence

import numpy as np

from fakes import END, ScriptedModel
from localcollab.decoding.constrained import Constrained
from localcollab.decoding.generate import generate
from localcollab.decoding.lazy_grammar import LazyGrammar
from localcollab.errors import BadOption
from localcollab.events import Finished
from localcollab.vocabulary import Vocabulary

MARK = b"<call>"


class OneOf:
    """A grammar of a few texts, a byte a token."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts, self.is_closed = [[*text, END] for text in texts], False

    def allowed(self, tokens: Sequence[int]) -> np.ndarray:
        n, written = len(tokens), list(tokens)
        mask = np.zeros(257, bool)
        for text in self.texts:
            if text[:n] == written and len(text) > n:
                mask[text[n]] = True
        return mask

    def close(self) -> None:
        self.is_closed = True


class Opened:
    def __init__(self, *texts: bytes) -> None:
        self.texts, self.before, self.grammars = texts, list[str](), list[OneOf]()

    def __call__(self, before: str) -> OneOf:
        self.before.append(before)
        self.grammars.append(OneOf([before.encode() + text for text in self.texts]))
        return self.grammars[-1]


def begins(text: bytes) -> int | None:
    at = text.find(MARK)
    return at if at >= 0 else None


def lazy(opened: Opened, vocabulary: Vocabulary | None = None) -> LazyGrammar:
    return LazyGrammar(vocabulary or ScriptedModel(b"").vocabulary, begins, opened)


def written(script: bytes, opened: Opened) -> str:
    model = ScriptedModel(script)
    prompt = [1, 2]
    model.n_prompt = len(prompt)
    grammar = lazy(opened, model.vocabulary)
    *_, end = generate(Constrained(model, grammar, len(prompt)), prompt)
    grammar.close()
    assert isinstance(end, Finished)
    assert all(each.is_closed for each in opened.grammars)
    return end.text


def test_text_is_free_until_the_form_begins() -> None:
    opened = Opened(MARK + b"ab")
    assert written(b"x < y <ca", opened) == "x < y <ca"
    assert opened.before == []


def test_the_form_is_kept_to_from_its_beginning() -> None:
    opened = Opened(MARK + b"ab")
    assert written(b"hm " + MARK + b"zz and more", opened) == "hm <call>ab"
    assert opened.before == [""]


def test_the_token_that_begins_it_may_hold_what_stands_before() -> None:
    vocabulary = _Pieces(b"x", b"y <call>a", b"b")
    opened = Opened(MARK + b"ab")
    grammar = LazyGrammar(vocabulary, begins, _in_pieces(opened))  # type: ignore[arg-type]
    assert grammar.allowed([0]).tolist() == [True, True, True]
    assert grammar.allowed([0, 1]).tolist() == [False, False, True]
    assert opened.before == ["y "]


def test_a_beginning_that_the_grammar_cannot_follow_leaves_the_text_free() -> None:
    vocabulary = _Pieces(b"<call>z", b"b")
    grammar = LazyGrammar(vocabulary, begins, _in_pieces(Opened(MARK + b"ab")))  # type: ignore[arg-type]
    assert grammar.allowed([0]).all()
    assert grammar.allowed([0, 0]).all()


def test_a_grammar_that_does_not_open_leaves_the_text_free() -> None:
    def refuses(before: str) -> OneOf:
        raise BadOption("too long")

    grammar = LazyGrammar(ScriptedModel(b"").vocabulary, begins, refuses)
    assert grammar.allowed(list(MARK)).all()


def test_a_rejected_proposal_does_not_begin_it() -> None:
    opened = Opened(MARK + b"ab")
    grammar = lazy(opened)
    assert grammar.allowed(list(MARK)).sum() == 1
    assert grammar.allowed(list(MARK[:-1])).all()
    assert grammar.allowed([*b"so ", *MARK]).sum() == 1
    assert opened.before == ["", ""]


class _Pieces:
    """A vocabulary of these tokens."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces, self.n_tokens = pieces, len(pieces)

    def piece(self, token: int) -> bytes:
        return self._pieces[token]


def _in_pieces(opened: Opened) -> "object":
    """Its grammars, over the tokens `y <call>a` or `<call>z`, and `b`."""

    def open_after(before: str) -> object:
        inner = opened(before)

        class Grammar:
            def allowed(self, tokens: Sequence[int]) -> np.ndarray:
                pieces = (b"x", b"y <call>a", b"b") if before else (b"<call>z", b"b")
                data = b"".join(pieces[token] for token in tokens)
                follows = [bytes(text[:-1]).startswith(data + piece) for text in inner.texts
                           for piece in pieces]  # fmt: skip
                return np.array(follows)

            def close(self) -> None:
                inner.close()

        return Grammar()

    return open_after
