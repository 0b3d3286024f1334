"""The sources of proposals, and the classes in which it is counted how often each is right.

A copy is the likelier right the further back it matches; a draft's token by its own probability; a member
that is writing by how far it writes ahead. Priors are from greedy answers of small models to questions
that let them list and repeat, rounded down: what is not known yet is to be proposed with care.
"""

from localcollab.decoding.acceptance import Acceptance
from localcollab.decoding.costs import LONGEST
from localcollab.decoding.lookup import LONGEST_MATCH, Lookup

LOOKUP, RECALL, DRAFT, MEMBER = "lookup", "recall", "draft", "member"
"""The conversation, earlier answers that are no part of it, a draft model, and the member that wrote the
last token."""

_LENGTHS = (0, 0, 0, 1, 2, 3, 4, 4, 5, 5, 5, 5, *[6] * 8, *[7] * (LONGEST_MATCH - 19))
"""Length of a match -> class."""
_BY_LENGTH = (0.25, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95)
_CONTESTED = tuple(0.6 * rate for rate in _BY_LENGTH)
_DEPTHS = (0, 0, 1, 2, 2, 3, 3, 3, 3, *[4] * LONGEST)
"""Number of a member's token -> class."""
_BY_DEPTH = (0.90, 0.90, 0.90, 0.90, 0.90)
_CONFIDENCES = (0.3, 0.5, 0.7, 0.85, 0.95, 0.99)
_BY_CONFIDENCE = (0.15, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95)
_UNKNOWN = 0.85
ANY_CONFIDENCE = len(_BY_CONFIDENCE)
"""Class of a draft's token before it is drafted. The prior is high, so that a draft is tried."""


def new_tables() -> dict[str, Acceptance]:
    """By source, at their priors."""
    return {
        LOOKUP: Acceptance(_BY_LENGTH + _CONTESTED),
        RECALL: Acceptance(_BY_LENGTH + _CONTESTED),
        DRAFT: Acceptance((*_BY_CONFIDENCE, _UNKNOWN)),
        MEMBER: Acceptance(_BY_DEPTH),
    }


def source_of(lookup: Lookup) -> str:
    return RECALL if lookup.is_of_earlier_text else LOOKUP


def copy_class(lookup: Lookup, n: int) -> int:
    """Of the token `n` of the copy, from 0, if all before it are right."""
    length = _LENGTHS[min(lookup.n_matched + n, LONGEST_MATCH)]
    return length + len(_BY_LENGTH) if lookup.is_contested and not n else length


def depth_class(n: int) -> int:
    """Of a member's token `n`, from 1."""
    return _DEPTHS[n]


def confidence_class(confidence: float) -> int:
    return sum(confidence >= least for least in _CONFIDENCES)
