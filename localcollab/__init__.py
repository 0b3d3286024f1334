"""localcollab: several small local language models answer as one.

    import localcollab as lc

    with lc.load("general.gguf", experts=["coder.gguf"]) as team:
        print(team.generate("Write a bubble sort.", max_tokens=200))

Public names are resolved when they are first used: the import itself loads neither NumPy nor llama.cpp.
docs/python.md describes every one of them.
"""

TYPE_CHECKING = False  # as in `typing`, whose import takes longer than all of this

if TYPE_CHECKING:
    from localcollab.api.answers import Answer, AnswerOptions, SourcedAnswer
    from localcollab.api.documents import Collection, check_answer, open_collection
    from localcollab.api.embeddings import TextEncoder, load_encoder
    from localcollab.api.load import load
    from localcollab.api.measuring import evaluate
    from localcollab.api.rankings import fuse, rank
    from localcollab.api.sources import Memory
    from localcollab.api.team import Chat, Team
    from localcollab.blend.ranking import Ranking
    from localcollab.documents.answer.citations import Claim
    from localcollab.errors import LocalcollabError
    from localcollab.evaluation.questions import Question
    from localcollab.events import Finished, Progress, Prompted, Token, Unfamiliar
    from localcollab.language_model import LanguageModel, OnChunk, Reading, Stopped, log_softmax
    from localcollab.methods.logits import contrasted, mixed, proxy_tuned
    from localcollab.vocabulary import Vocabulary

__version__ = "0.2.0"

_PLACES = {
    "api.answers": ("Answer", "AnswerOptions", "SourcedAnswer"),
    "api.documents": ("Collection", "check_answer", "open_collection"),
    "api.embeddings": ("TextEncoder", "load_encoder"),
    "api.load": ("load",),
    "api.measuring": ("evaluate",),
    "api.rankings": ("fuse", "rank"),
    "api.sources": ("Memory",),
    "api.team": ("Chat", "Team"),
    "blend.ranking": ("Ranking",),
    "documents.answer.citations": ("Claim",),
    "errors": ("LocalcollabError",),
    "evaluation.questions": ("Question",),
    "events": ("Finished", "Progress", "Prompted", "Token", "Unfamiliar"),
    "language_model": ("LanguageModel", "OnChunk", "Reading", "Stopped", "log_softmax"),
    "methods.logits": ("contrasted", "mixed", "proxy_tuned"),
    "vocabulary": ("Vocabulary",),
}
"""Where each public name is; a test compares it with the imports above."""
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Answer", "AnswerOptions", "Chat", "Claim", "Collection", "Finished", "LanguageModel",
    "LocalcollabError", "Memory", "OnChunk", "Progress", "Prompted", "Question", "Ranking", "Reading",
    "SourcedAnswer", "Stopped", "Team", "TextEncoder", "Token", "Unfamiliar", "Vocabulary",
    "check_answer", "contrasted", "evaluate", "fuse", "load", "load_encoder", "log_softmax", "mixed",
    "open_collection", "proxy_tuned", "rank",
]  # fmt: skip


if not TYPE_CHECKING:  # a checker would take any name for one that is there

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'localcollab' has no attribute {name!r}")
        from importlib import import_module

        found: object = getattr(import_module(f"localcollab.{_MODULES[name]}"), name)
        globals()[name] = found
        return found


def load_ipython_extension(shell: object) -> None:
    """`%load_ext localcollab`: answers show in notebooks who wrote them. `shell`: IPython's."""
    from importlib import import_module

    register = import_module("localcollab.api.notebook").register
    register(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
