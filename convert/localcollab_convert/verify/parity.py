"""Compares the tokenizer of a GGUF file with the original: ids, special tokens, chat template."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcollab.chat.template import ChatTemplate, Message
from localcollab.errors import BadModelFile, BadTemplate, LocalcollabError
from localcollab.llama.header import read_header
from localcollab.vocabulary import Vocabulary
from localcollab_convert.verify.tokenizer_cases import AROUND_SPECIAL, CONVERSATIONS, TEXTS

_MAX_SPECIALS = 24
"""Some vocabularies have thousands of unused ones."""


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Parity:
    """`differences` in the order found: plain texts, then special tokens, then templates."""

    n_texts: int
    n_special: int
    n_templates: int
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        return not self.differences


def load_tokenizer(folder: Path) -> Any:
    """The original's tokenizer. Raises `BadModelFile`."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    # For some models AutoTokenizer (5.x) builds its own pipeline, which splits spaces differently from
    # the published tokenizer.json; this class uses the file unchanged.
    as_published = (folder / "tokenizer.json").is_file()
    kind = PreTrainedTokenizerFast if as_published else AutoTokenizer
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file may raise anything
        raise BadModelFile(
            f"{folder}: the tokenizer cannot be loaded ({_short(error)}): download the folder again"
        ) from error


def compare_with_tokenizer(path: Path, vocabulary: Vocabulary, tokenizer: Any) -> Parity:
    """`vocabulary` of the GGUF at `path` against transformers' tokenizer."""
    plain = [(f"text {text[:40]!r}", text) for text in TEXTS]
    special = list(_special_texts(vocabulary, tokenizer))
    found = [
        difference
        for what, text in (*plain, *special)
        if (difference := _compare_text(what, text, vocabulary, tokenizer))
    ]
    found += _compare_begin(vocabulary, tokenizer)
    templates = list(_compare_templates(path, vocabulary, tokenizer))
    found += [difference for difference in templates if difference]
    return Parity(len(plain), len(special), len(templates), tuple(found))


def compare_vocabularies(ours: Vocabulary, theirs: Vocabulary) -> Parity:
    """Of two GGUF files."""
    pairs = [(text, ours.encode(text), theirs.encode(text)) for text in TEXTS]
    found = [
        Difference(f"text {t[:40]!r}", str(a[:20]), str(b[:20])) for t, a, b in pairs if a != b
    ]
    if ours.fingerprint != theirs.fingerprint:
        found.append(Difference("fingerprint", ours.fingerprint, theirs.fingerprint))
    return Parity(len(pairs), 0, 0, tuple(found))


def _special_texts(vocabulary: Vocabulary, tokenizer: Any) -> Iterator[tuple[str, str]]:
    strings = sorted(vocabulary.strings[token] for token in vocabulary.control)
    known = set(tokenizer.all_special_tokens) | set(tokenizer.get_added_vocab())
    for special in [string for string in strings if string in known][:_MAX_SPECIALS]:
        for template in AROUND_SPECIAL:
            text = template.replace("{}", special)
            yield f"special {text!r}", text


def _compare_text(
    what: str, text: str, vocabulary: Vocabulary, tokenizer: Any
) -> Difference | None:
    theirs = tokenizer(text, add_special_tokens=False)["input_ids"]
    try:
        ours = vocabulary.encode(text, special=True)
    except (
        LocalcollabError
    ) as error:  # a vocabulary without byte tokens: the original returns <unk>
        unknown = tokenizer.unk_token_id
        return None if unknown in theirs else Difference(what, str(error), str(theirs[:20]))
    return None if ours == theirs else Difference(what, str(ours[:20]), str(theirs[:20]))


def _compare_begin(vocabulary: Vocabulary, tokenizer: Any) -> list[Difference]:
    """The tokens before a text when the original adds special tokens."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a", add_special_tokens=True)["input_ids"]
    n = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
    theirs = whole[:n]
    ours = [vocabulary.bos] if vocabulary.adds_bos else []
    if ours == theirs:
        return []
    return [Difference("tokens before a text", str(ours), str(theirs))]


def _compare_templates(
    path: Path, vocabulary: Vocabulary, tokenizer: Any
) -> Iterator[Difference | None]:
    """One item for each conversation; none where neither has a template."""
    source = read_header(path).metadata.get("tokenizer.chat_template")
    if not isinstance(source, str):
        if tokenizer.chat_template:
            yield Difference("chat template", "none", "one")
        return
    bos, eos = (
        None if token is None else vocabulary.strings[token]
        for token in (vocabulary.bos, vocabulary.eos)
    )
    template = ChatTemplate(source, name=path.name, bos=bos, eos=eos)
    for conversation in CONVERSATIONS:
        ours, theirs = _render(template, conversation), _render_original(tokenizer, conversation)
        same = ours == theirs
        what = f"template of {len(conversation)} messages"
        yield None if same else Difference(what, json.dumps(ours), json.dumps(theirs))


def _render(template: ChatTemplate, messages: tuple[Message, ...]) -> str | None:
    """None: the template refuses this conversation."""
    try:
        return template.render(messages)
    except BadTemplate:
        return None


def _render_original(tokenizer: Any, messages: tuple[Message, ...]) -> str | None:
    given = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text: str = tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template may refuse with any exception
        return None
    return text


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
