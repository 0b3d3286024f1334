"""Errors say what is wrong, the value, and what to do, in one line. Caught at the edges only.

A message names parameters in backticks, as in "`n_ctx` is 0: give 1 or more", and never an option of
the command line, which puts its own options in their place (`localcollab.cli.group`).
"""

import re

PARAMETER = re.compile(r"`([a-z][a-z0-9_]*)`")
"""A parameter as a message names it."""


class LocalcollabError(Exception):
    """Anything a user can fix. Its text is the whole message: one line, with the remedy."""


class BadOption(LocalcollabError):
    """A parameter that cannot be used as given."""

    @property
    def parameter(self) -> str | None:
        """The first one that the message names."""
        found = PARAMETER.search(str(self))
        return found and found[1]


class BadModelFile(LocalcollabError):
    """A model file that is damaged, unsupported, or that llama.cpp does not survive."""


class BadTemplate(LocalcollabError):
    """A chat template that does not parse, does not render, or misbehaves."""


class BadCatalog(LocalcollabError):
    """A models.toml that cannot be used; the message names file, table and key."""


class BadData(LocalcollabError):
    """Training or evaluation data that cannot be used; the message names file and line."""


class VocabularyMismatch(LocalcollabError):
    """Two models whose vocabularies differ."""


class UnknownCharacter(LocalcollabError):
    """Text that a vocabulary without byte tokens cannot encode."""


class HeadMismatch(LocalcollabError):
    """A head that does not belong to these models."""


class BridgeMismatch(LocalcollabError):
    """A bridge that does not belong to these models."""


class MixtureMismatch(LocalcollabError):
    """Fitted weights that do not belong to these models."""


class RankerMismatch(LocalcollabError):
    """A file that is not a trained ranker, or one that does not belong to its encoder."""


class ContextFull(LocalcollabError):
    """More tokens than a model's context can hold."""


class EvaluationFailed(LocalcollabError):
    """A batch that was not evaluated, or gave NaN or infinite values; the cache is still valid."""


class WorkerLost(LocalcollabError):
    """A model whose process has ended; the next read starts another."""


class RankingFailed(LocalcollabError):
    """A ranker that gives NaN or an infinite value for two candidates."""


class BadDatabase(LocalcollabError):
    """A database that is damaged, locked, full, of a newer version or of another program."""


class BadHistory(BadDatabase):
    """A file that is not a history, or a history that is damaged, locked or of a newer version."""


class BadCollection(BadDatabase):
    """A collection of documents that is missing, damaged, locked or of a newer version."""


class NotSupported(LocalcollabError):
    """An answer that its documents do not support, where only supported answers are allowed."""

    def __init__(self, message: str, without_documents: str | None = None) -> None:
        """`without_documents`: the message without words of the documents, for what is stored."""
        super().__init__(message)
        self.without_documents = message if without_documents is None else without_documents


class DownloadFailed(LocalcollabError):
    """A file that could not be downloaded, or whose content is not the expected one."""


class BadArchive(LocalcollabError):
    """A team archive that is damaged, malicious, or conflicts with installed files."""


class OutputFailed(LocalcollabError):
    """Standard output that is closed or full."""
