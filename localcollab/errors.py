"""Errors say what, the value, and what to do. One base class, caught at the edges only."""


class LocalcollabError(Exception):
    """Anything a user can mend. Its text is the whole message: one line, with the remedy.

    Parameters stand in backticks (`n_ctx`); the command line shows its own options in their place.
    """


class BadOption(LocalcollabError):
    """An option or argument that cannot be used as given."""


class BadModelFile(LocalcollabError):
    """A model file that is damaged, unsupported, or that llama.cpp does not survive."""


class BadTemplate(LocalcollabError):
    """A chat template that does not parse, does not render, or misbehaves."""


class BadCatalog(LocalcollabError):
    """A models.toml that cannot be used: file, table and key are named."""


class BadData(LocalcollabError):
    """Training or evaluation data that cannot be used: file and line are named."""


class VocabularyMismatch(LocalcollabError):
    """Two models whose tokens differ."""


class UnknownCharacter(LocalcollabError):
    """Text that a vocabulary without byte tokens cannot write."""


class HeadMismatch(LocalcollabError):
    """A head that does not belong to these models."""


class BridgeMismatch(LocalcollabError):
    """A bridge that does not belong to these models."""


class MixtureMismatch(LocalcollabError):
    """Fitted weights that do not belong to these models."""


class RankerMismatch(LocalcollabError):
    """A trained ranker that does not belong to its encoder, or that is none."""


class ContextFull(LocalcollabError):
    """More tokens than a model's context holds."""


class EvaluationFailed(LocalcollabError):
    """A batch that was not evaluated, or to no numbers; the model's cache is still valid."""


class RankingFailed(LocalcollabError):
    """A ranker that gives no number for two candidates."""


class BadHistory(LocalcollabError):
    """A history that is damaged, locked, of a newer version, or no history at all."""


class BadCollection(LocalcollabError):
    """A collection of documents that is missing, damaged, locked or of a newer version."""


class NotSupported(LocalcollabError):
    """An answer that its documents do not support, where only a supported one is wanted."""


class DownloadFailed(LocalcollabError):
    """A file that could not be fetched, or that is not what it should be."""


class BadArchive(LocalcollabError):
    """A team archive that is damaged, hostile, or does not agree with what is here."""
