"""GET /: a chat in one static file. Its policy lets it run and fetch nothing but itself."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_PAGE = Path(__file__).with_name("page.html")


async def page(request: Request) -> Response:
    text, policy = read_page()
    headers = {
        "Content-Security-Policy": policy, "X-Frame-Options": "DENY", "Cache-Control": "no-cache"
    }  # fmt: skip
    return HTMLResponse(text, headers=headers)


@cache
def read_page() -> tuple[str, str]:
    """The page, and the policy that names its script and its style by their hashes."""
    text = _PAGE.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(text, 'script')}; style-src {_hash(text, 'style')}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text, policy


def _hash(text: str, element: str) -> str:
    found = re.search(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
    assert found, f"the page has one {element}"
    digest = hashlib.sha256(found[1].encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
