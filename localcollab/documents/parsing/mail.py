"""A message (.eml): who wrote to whom, when, and its text. Attachments are named, not opened."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from localcollab.documents.parsing import html
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Section

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MOST_PARTS = 1000


def parse(raw: Raw) -> Iterator[Section]:
    yield read_message(raw, raw.data)


def read_message(raw: Raw, data: bytes) -> Section:
    message = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    subject = _header(message, "Subject")
    head = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    texts, attached = _contents(message)
    if attached:
        raw.notes.append(f"{len(attached)} attached files were not read")
        head.append(f"Attached: {', '.join(attached)}")
    body = "\n\n".join(text.strip() for text in texts)
    return Section(
        "\n".join(head) + "\n\n" + body + "\n\n", heading=" ".join(subject.split())[:200]
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except Exception:  # the package trips over headers by strangers in many ways
        return ""


def _contents(message: EmailMessage) -> tuple[list[str], list[str]]:
    """The texts, and the names of what else is attached. Plain text is preferred to HTML."""
    texts, attached, alternatives = [], [], []
    for n, part in enumerate(message.walk()):
        if n >= _MOST_PARTS or part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_filename() or kind not in ("text/plain", "text/html"):
            attached.append(part.get_filename() or kind)
        elif kind == "text/plain":
            texts.append(_text(part))
        else:
            alternatives.append(_text(part))
    if not texts:
        texts = ["\n\n".join(b.text for b in html.blocks(text, [])) for text in alternatives]
    return texts, [" ".join(name.split())[:200] for name in attached]


def _text(part: EmailMessage) -> str:
    try:
        content = part.get_content()
    except (LookupError, ValueError, AssertionError):  # an unknown charset, a broken encoding
        payload = part.get_payload(decode=True)
        content = payload.decode("latin-1") if isinstance(payload, bytes) else ""
    return str(content).replace("\r\n", "\n")
