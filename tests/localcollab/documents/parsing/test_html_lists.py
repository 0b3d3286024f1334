"""Lists of HTML: numbers as a browser shows them."""

from itertools import product

import pytest

from documents_read import lines_of

SPELLED = {"": "3 4", "1": "3 4", "a": "c d", "A": "C D", "i": "iii iv", "I": "III IV", "?": "3 4"}
ITEMS = {
    "closed": "<li>x</li><li>y</li>", "open": "<li>x<li>y", "paragraphs": "<li><p>x</p></li><li><p>y</p>",
    "upper case": "<LI>x</LI>\n<LI>y</LI>",
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "items", "outer"), product(SPELLED, ITEMS, ("", "<ul><li>", "<table><td>"))
)
def test_items_are_numbered_from_the_start_in_the_form_of_the_list(
    form: str, items: str, outer: str
) -> None:
    html = f'{outer}<ol start=3 type="{form}">{ITEMS[items]}</ol>'
    first, second = SPELLED[form].split()
    assert " ".join(lines_of(html, ".html")) == f"{first}. x {second}. y"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<ol><li>a<li value=7>b<li>c</ol>", ["1. a", "7. b", "8. c"]),
        ("<ol reversed start=3><li>a<li>b</ol>", ["3. a", "2. b"]),
        ("<ol start=-1><li>a<li>b<li>c</ol>", ["-1. a", "0. b", "1. c"]),
        ("<ol start=x><li>a</ol>", ["1. a"]),
        (f"<ol start={'9' * 5000}><li>a</ol>", ["1. a"]),
        ("<ol><li>a<ol><li>b</ol><li>c</ol>", ["1. a", "1. b", "2. c"]),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", ["1. a", "- b", "2. c"]),
        ("<ol><li></li><li>b</ol>", ["2. b"]),
        ("<li>a", ["- a"]),
        ("</ol></ul><ol><li>a", ["1. a"]),
        ("<ol><li><table><tr><th>N<th>V<tr><td>a<td></table><li>b</ol>", ["N | V", "a | ", "2. b"]),
    ],
)
def test_lists_as_they_are_written(html: str, expected: list[str]) -> None:
    assert lines_of(html, ".html") == expected
