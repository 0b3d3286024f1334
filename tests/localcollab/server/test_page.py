"""The page at /, in headless Chromium against a server on loopback."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcollab.server.page import read_page
from server_app import client_of, run

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("LOCALCOLLAB_SCREENSHOTS", "")
"""A folder: screenshots for the documentation are written there."""
AXE = os.environ.get("LOCALCOLLAB_AXE", "")
"""The file axe.min.js of npm's axe-core, which is not among what the tests install."""


def test_the_page_may_run_and_fetch_nothing_but_itself() -> None:
    async def ask() -> Any:
        async with client_of() as client:
            return await client.get("/")

    answered = run(ask())
    policy = answered.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = read_page()[0]
    assert not re.search(r"(src|href)\s*=|https?://|innerHTML|\son\w+=", text)


@contextmanager
def browsing(**options: Any) -> Iterator[Any]:
    """A page of a browser, on a server in a process of its own."""
    playwright = pytest.importorskip("playwright.sync_api")
    if _CHROMIUM is None:
        pytest.skip("needs Chromium")
    from localcollab.children.launch import Child
    from localcollab.children.limits import GIB, Limits

    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    driver = Path(__file__).parents[2] / "server_driver.py"
    child = Child(str(driver), (str(port),), limits=Limits(8 * GIB, 600), flags=())
    try:
        assert child.process.stdout is not None
        assert child.process.stdout.readline() == b"ready\n"
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(**options)
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector("#model option", state="attached")
            page.wait_for_selector("#question:focus")
            yield page
            browser.close()
    finally:
        child.close()


def ask(page: Any, question: str) -> None:
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer .run")
    page.wait_for_selector("#send:text('Send')")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"color_scheme": "light", "viewport": {"width": 900, "height": 560}}),
        ("dark", {"color_scheme": "dark", "viewport": {"width": 900, "height": 560}}),
        ("phone", {"color_scheme": "light", "viewport": {"width": 390, "height": 760}}),
    ],
)
def test_a_question_is_answered_with_its_authors(name: str, options: dict[str, Any]) -> None:
    with browsing(**options) as page:
        ask(page, "How is green tea made?")
        runs = page.locator(".answer .run")
        assert runs.count() == 2
        assert runs.nth(0).get_attribute("aria-label") == "written by base"
        assert runs.nth(1).get_attribute("aria-label") == "written by expert"
        runs.nth(1).locator("span").first.hover()
        told = page.locator("#told").text_content()
        assert "expert" in told
        assert "p_defer" in told
        assert "base would have said" in told
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, "nothing is wider than the window"
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/server-{name}.png")


@pytest.mark.slow
def test_what_a_model_writes_is_text() -> None:
    with browsing() as page:
        page.evaluate("window.hurt = false")
        ask(page, "hurt me")
        answer = page.locator(".answer .text").text_content()
        assert "<img src=x onerror=" in answer
        assert page.locator(".answer img, .answer script").count() == 0
        assert page.evaluate("window.hurt") is False


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: str) -> None:
    if not Path(AXE).is_file():
        pytest.skip("needs LOCALCOLLAB_AXE, the axe.min.js of npm install axe-core")
    with browsing(color_scheme=scheme) as page:
        ask(page, "How is green tea made?")
        page.evaluate(Path(AXE).read_text(encoding="utf-8"))
        found = page.evaluate("axe.run()")
    assert found["passes"]
    faults = {each["id"]: each["impact"] for each in found["violations"]}
    assert not {name for name, impact in faults.items() if impact in ("serious", "critical")}, (
        faults
    )
    assert not faults
