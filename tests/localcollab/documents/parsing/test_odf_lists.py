"""Lists of OpenDocument, counted and continued as LibreOffice shows them."""

from itertools import product

import pytest

from document_files import odt, zipped
from documents_read import lines_of, read

FORMS = {"1": "4 5", "a": "d e", "A": "D E", "i": "iv v", "I": "IV V",
         "01, 02, 03, ...": "04 05", "1st": "4th 5th",
         "?": "4 5"}  # fmt: skip


def style(*levels: str, name: str = "L") -> str:
    return (
        f'<office:automatic-styles><text:list-style xmlns:style="s" style:name="{name}">'
        f"{''.join(levels)}</text:list-style></office:automatic-styles>"
    )


def number(at: int, form: str = "1", more: str = 'style:num-suffix="."') -> str:
    return f'<text:list-level-style-number text:level="{at}" style:num-format="{form}" {more}/>'


def items(*texts: str) -> str:
    return "".join(f"<text:list-item><text:p>{text}</text:p></text:list-item>" for text in texts)


def list_of(content: str, more: str = "") -> str:
    return f'<text:list text:style-name="L" {more}>{content}</text:list>'


def lines(*content: str) -> list[str]:
    return lines_of(odt("".join(content)), ".odt")


@pytest.mark.parametrize(
    ("form", "around", "in_table"),
    product(FORMS, (("", "."), ("(", ")"), ("§ ", "")), (False, True)),
)
def test_items_are_numbered_as_their_style_says(
    form: str, around: tuple[str, str], in_table: bool
) -> None:
    before, after = around
    more = f'text:start-value="4" style:num-prefix="{before}" style:num-suffix="{after}"'
    content = list_of(items("x", "y"))
    if in_table:
        cell = f"<table:table-cell>{content}</table:table-cell>"
        content = f"<table:table><table:table-row>{cell}</table:table-row></table:table>"
    first, second = FORMS[form].split()
    assert lines(style(number(1, form, more)), content) == [
        f"{before}{first}{after} x", f"{before}{second}{after} y",
    ]  # fmt: skip


PLAIN = style(number(1), number(2, more='text:display-levels="2"'))
CONTINUED = {
    "anew": ("", ["1. a", "2. b", "between", "1. c"]),
    "by number": ('text:continue-numbering="true"', ["1. a", "2. b", "between", "3. c"]),
    "by name": ('text:continue-list="first"', ["1. a", "2. b", "between", "3. c"]),
    "one not stored": ('text:continue-list="nowhere"', ["1. a", "2. b", "between", "3. c"]),
}


@pytest.mark.parametrize("way", CONTINUED)
def test_a_list_continues_where_it_says_so(way: str) -> None:
    more, expected = CONTINUED[way]
    first = list_of(items("a", "b"), 'xml:id="first"')
    assert lines(PLAIN, first, "<text:p>between</text:p>", list_of(items("c"), more)) == expected


def test_levels_count_below_each_other() -> None:
    inner = f"<text:list>{items('x', 'y')}</text:list>"
    item = f"<text:list-item><text:p>a</text:p>{inner}</text:list-item>"
    assert lines(PLAIN, list_of(item + items("b") + f"<text:list-item>{inner}</text:list-item>")) == [
        "1. a", "1.1 x", "1.2 y", "2. b", "2.1 x", "2.2 y",
    ]  # fmt: skip


def test_only_the_first_paragraph_of_an_item_has_its_number_and_a_header_has_none() -> None:
    head = "<text:list-header><text:p>head</text:p></text:list-header>"
    item = "<text:list-item><text:p>a</text:p><text:p>more</text:p></text:list-item>"
    assert lines(PLAIN, list_of(head + item + items("b"))) == ["head", "1. a", "more", "2. b"]


def test_an_item_may_set_its_number() -> None:
    item = '<text:list-item text:start-value="9"><text:p>b</text:p></text:list-item>'
    assert lines(PLAIN, list_of(items("a") + item + items("c"))) == ["1. a", "9. b", "10. c"]


def test_a_note_within_an_item_takes_no_number() -> None:
    note = "<text:note><text:note-body><text:p>n</text:p></text:note-body></text:note>"
    assert lines(PLAIN, list_of(items(f"a{note}", "b"))) == ["1. a", "Footnote: n", "2. b"]


def test_bullets_are_signs() -> None:
    bullet = '<text:list-level-style-bullet text:level="1" text:bullet-char="–"/>'
    assert lines(style(bullet), list_of(items("a"))) == ["– a"]


def test_headings_are_numbered_by_the_outline() -> None:
    levels = "".join(
        f'<text:outline-level-style text:level="{n}" style:num-format="1" text:display-levels="{n}"/>'
        for n in (1, 2)
    )
    name = 'xmlns:office="o" xmlns:text="t" xmlns:style="s"'
    styles = f"<office:document-styles {name}><text:outline-style>{levels}</text:outline-style></office:document-styles>"  # noqa: E501
    body = "".join(
        f'<text:h text:outline-level="{at}">{text}</text:h><text:p>t</text:p>'
        for at, text in ((1, "Scope"), (2, "Aim"), (1, "Rent"))
    )
    content = f"<office:document-content {name}>{body}</office:document-content>"
    file = zipped({"content.xml": content, "styles.xml": styles})
    assert [section.heading for section in read(file, ".odt")[0]] == [
        "1 Scope", "1 Scope > 1.1 Aim", "2 Rent",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        list_of(items("a"), 'text:style-name="Q"'.replace("text:style-name", "text:x")),
        style(number(99)) + list_of(items("a")),
        style(number(1, more=f'style:num-suffix="{"x" * 1000}"')) + list_of(items("a")),
        f"<text:list-item>{list_of(items('a'))}</text:list-item>",
    ],
)
def test_a_list_without_a_style_that_makes_sense_has_no_numbers(content: str) -> None:
    assert lines(content) == ["a"]
