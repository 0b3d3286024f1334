"""GenFuser (LLM-Blender, arXiv:2306.02561): a T5-like model that was trained to fuse, under llama.cpp.

The published form is `Instruction: ..</s>Input: ..</s>Candidate 0: <extra_id_0>:..</s>..</s>` and the
request to summarize them. Written as token ids, so that no text of a candidate can end it. What bounds
the answer is the context; the published 128 tokens do not.
"""

from collections.abc import Iterator, Sequence

from localcollab.blend.candidates import Asking
from localcollab.blend.fuser import Reads
from localcollab.decoding.generate import generate
from localcollab.errors import BadOption
from localcollab.events import Event
from localcollab.llama.encoder_decoder import EncoderDecoder
from localcollab.vocabulary import Vocabulary

REQUEST = "Summarize candidates into a better one for the given instruction:"
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


class T5Fuser:
    """A `Fuser`. It reads no conversation: instruction, input and candidates."""

    def __init__(self, model: EncoderDecoder) -> None:
        self._model = model

    @property
    def n_ctx(self) -> int:
        return self._model.n_ctx

    def reads(self, asking: Asking, candidates: Sequence[str]) -> Reads | None:
        """Raises `BadOption` where the file is no T5."""
        instruction, given = asking.parts or (asking.question, "")
        vocabulary = self._model.vocabulary
        source = write_source(vocabulary, instruction, given, candidates)
        longest = max(len(vocabulary.encode(text)) for text in candidates)
        return tuple(source) if max(len(source), longest + 2) <= self.n_ctx else None

    def write(self, reads: Reads, asking: Asking) -> Iterator[Event]:
        assert not isinstance(reads, str), "it is what this fuser reads"
        model = self._model.with_source(reads)
        return generate(
            model, [model.start], asking.sampling, asking.limits, stop_event=asking.stop_event
        )
