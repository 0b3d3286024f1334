"""GenFuser (LLM-Blender, arXiv:2306.02561): a T5-like model that was trained to fuse, under llama.cpp.

The published form is `Instruction: ..</s>Input: ..</s>Candidate 0: <extra_id_0>:..</s>..</s>` and the
request to summarize them. Written as token ids, so that no text of a candidate can end it. What bounds
the answer is the context; the published 128 tokens do not.
"""

import threading
from collections.abc import Iterator, Sequence

from localcollab.answer import Limits
from localcollab.errors import BadOption, ContextFull
from localcollab.events import Event
from localcollab.generate import generate
from localcollab.llama.encoder_decoder import EncoderDecoder
from localcollab.sampling import Sampling
from localcollab.vocabulary import Vocabulary

REQUEST = "Summarize candidates into a better one for the given instruction:"
_LEAST = 2
_N_SENTINELS = 100
_REMEDY = "give a model of T5's kind, or an instruct model as fuser"


def write_source(
    vocabulary: Vocabulary, instruction: str, given: str, candidates: Sequence[str]
) -> list[int]:
    """`given`: the record's input, perhaps empty. Raises `BadOption` where the file is no T5."""
    encode, end = vocabulary.encode, vocabulary.eos
    if end is None:
        raise BadOption(f"the fuser's vocabulary lacks </s>: {_REMEDY}")
    tokens = [*encode(f"Instruction: {instruction}"), end, *encode(f"Input: {given}".strip()), end]
    for n, text in enumerate(candidates):
        mark = sentinel(vocabulary, n)
        tokens += [*encode(f"Candidate {n}:"), mark, *encode(f":{text}"), end]
    return [*tokens, *encode(REQUEST)]


def sentinel(vocabulary: Vocabulary, n: int) -> int:
    """The id of `<extra_id_n>`. Raises `BadOption` where there is none.

    T5's hundred stand behind its pieces, the last one first. Published models name them in
    tokenizer.json alone, and llama.cpp's converter fills their places with `[PAD..]`.
    """
    name = f"<extra_id_{n}>"
    if name in vocabulary.strings:
        return vocabulary.strings.index(name)
    n_pieces = next((i for i, s in enumerate(vocabulary.strings) if s == f"[PAD{i}]"), None)
    if n_pieces is None or n_pieces + _N_SENTINELS > vocabulary.n_tokens or n >= _N_SENTINELS:
        raise BadOption(f"the fuser's vocabulary lacks {name}: {_REMEDY}")
    return n_pieces + _N_SENTINELS - 1 - n


def fuse_by_t5(
    model: EncoderDecoder,
    instruction: str,
    candidates: Sequence[str],
    *,
    given: str = "",
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    stop_event: threading.Event | None = None,
) -> tuple[int, Iterator[Event]]:
    """How many of `candidates`, best first, fit; and the answer's events.

    Raises `ContextFull` where not even two fit, `BadOption` for less than two.
    """
    if len(candidates) < _LEAST:
        raise BadOption(f"{len(candidates)} candidate to fuse: give two or more")
    for n in range(len(candidates), _LEAST - 1, -1):
        source = write_source(model.vocabulary, instruction, given, candidates[:n])
        longest = max(len(model.vocabulary.encode(text)) for text in candidates[:n])
        if len(source) <= model.n_ctx and longest + 1 < model.n_ctx:
            sourced = model.with_source(source)
            events = generate(sourced, [sourced.start], sampling, limits, stop_event=stop_event)
            return n, events
    raise ContextFull(
        f"{model.name} has a context of {model.n_ctx} tokens, too short to fuse two of these candidates: "
        "give a larger n_ctx, or another fuser"
    )
