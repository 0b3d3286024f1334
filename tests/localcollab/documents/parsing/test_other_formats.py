"""Sheets, slides, RTF, Outlook messages, notebooks and pages with something left open."""

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from document_files import docx, pptx, xlsx, zipped
from documents_read import lines_of, read, text_of
from localcollab.documents.parsing.compressed_rtf import decompress
from localcollab.documents.parsing.csv import find_delimiter
from localcollab.documents.parsing.number_format import kind_of, shown
from localcollab.documents.parsing.section import Refused, Unreadable
from ole_files import message, ole
from table_files import as_csv, rtf_text

VALUES = [
    "plain",
    "two words",
    "12",
    "1,50",
    "-3.5",
    "2024-01-05",
    "",
    "a, b",
    "x; y",
    'say "hi"',
    "10:30",
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(VALUES), min_size=3, max_size=3), min_size=3, max_size=8))
def test_the_separator_of_a_csv_is_found(delimiter: str, rows: list[list[str]]) -> None:
    table = [["Name", "Wert", "Datum"], *rows, ["last", "1,5", "2024-02-01"], ["end", "2", "x"]]
    assert find_delimiter(as_csv(table, delimiter).decode()) == delimiter


def test_excel_names_the_separator_in_the_first_line() -> None:
    assert lines_of("sep=|\nName|Rent\nAnna|1;5\n", ".csv") == ["Name: Anna; Rent: 1;5"]


def test_control_characters_of_a_csv_are_left_out_and_noted() -> None:
    found, notes = read(b"Name,Rent\nAn\x01na,5\x1a\n", ".csv")
    assert (found[0].text, notes) == (
        "Name: Anna; Rent: 5\n\n",
        ["2 control characters were left out"],
    )


def test_a_quote_that_is_never_closed_swallows_nothing() -> None:
    data = 'Name,Note\nAnna,"open\n' + "".join(f"N{n},v{n}\n" for n in range(300))
    found, notes = read(data, ".csv")
    assert "Name: N299; Note: v299" in found[0].text
    assert notes == ["a quote is never closed: it is read as text"]


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("General", "1234.5", "1234.5"), ("General", "0.30000000000000004", "0.3"), ("0", "7", "7"),
        ("0%", "0.125", "12.5%"), ("yyyy-mm-dd", "45356", "2024-03-05"),
        ("dd/mm/yy", "45356", "2024-03-05"),
        ("d. mmmm yyyy", "45356.5", "2024-03-05 12:00"), ("h:mm", "0.75", "18:00:00"),
        ("[h]:mm", "1.5", "36:00:00"), ("[$-409]mmm-yy", "45356", "2024-03-05"), ('0 "days"', "3", "3"),
        ("[Red]0.00", "2.5", "2.5"), ("#,##0.00 [$€-407]", "5", "5"), ("mm:ss", "0.5", "12:00:00"),
        ("yyyy", "59", "1900-02-28"), ("yyyy", "1", "1900-01-01"), ("yyyy", "-5", "-5"),
        ("General", "1e300", "1e+300"), ("yyyy", "no number", "no number"),
    ],
)  # fmt: skip
def test_a_number_is_shown_by_its_format(code: str, value: str, text: str) -> None:
    assert shown(value, kind_of(code), is_1904=False) == text


@pytest.mark.parametrize(
    ("value", "is_1904", "text"),
    [
        ("2958465", False, "9999-12-31"), ("2958465.9999999", False, "2958465.9999999"),
        ("2957003", True, "9999-12-31"), ("2958465", True, "2958465"), ("inf", False, "inf"),
        ("nan", True, "nan"),
    ],
)  # fmt: skip
def test_a_day_behind_the_last_one_is_a_number(value: str, is_1904: bool, text: str) -> None:
    assert shown(value, "date", is_1904) == text


@pytest.mark.parametrize(
    "number", ["²", "٣", "9" * 5000, "", "-1", "1_0", "0x1", "1e3"], ids=lambda text: text[:9]
)
def test_an_odd_number_in_a_sheet_or_a_text_spoils_nothing_else(number: str) -> None:
    styles = f'<numFmts><numFmt numFmtId="{number}" formatCode="0"/></numFmts><cellXfs>' + (
        f'<xf numFmtId="{number}"/></cellXfs>'
    )
    cells = f'<c s="{number}"><v>7</v></c><c t="s"><v>{number}</v></c></row><row r="{number}">'
    found, _ = read(xlsx({"Odd": [["First"]]}, cells=cells, styles=styles), ".xlsx")
    assert "First" in found[0].text
    assert "7" in found[0].text
    level = f'<w:p><w:pPr><w:outlineLvl w:val="{number}"/></w:pPr><w:r><w:t>Text.</w:t></w:r></w:p>'
    assert text_of(docx(level), ".docx").strip() == "Text."


def test_cells_of_every_kind_are_read() -> None:
    styles = '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts><cellXfs>' + (
        '<xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs>'
    )
    cells = (
        '<c t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r><rPh><t>ri</t></rPh></is></c>'
        '<c s="1"><v>45356</v></c><c s="2"><v>0.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c>'
        '<c t="str"><f>A1</f><v>made</v></c><c><f>1+1</f><v>2</v></c><c><f>1+2</f></c>'
    )
    header = ["Text", "Date", "Share", "Flag", "Error", "Word", "Sum", "None"]
    found, notes = read(xlsx({"Kinds": [header]}, cells=cells, styles=styles), ".xlsx")
    assert found[0].text == (
        "Sheet: Kinds\n\nText: rich text; Date: 2024-03-05; Share: 50%; Flag: TRUE; Error: #N/A; "
        "Word: made; Sum: 2\n\n"
    )
    assert notes == [
        "1 formulas of sheet Kinds have no stored value: open and save the file in a spreadsheet program"
    ]


def test_a_sheet_that_is_nearly_empty_and_huge_is_read_by_place() -> None:
    rows = "".join(f'</row><row r="{n}"><c r="XFD{n}"><v>{n}</v></c>' for n in range(2, 600))
    found = text_of(xlsx({"S": [["a"]]}, cells=rows), ".xlsx")
    assert ("A1: a\n" in found, "XFD599: 599\n" in found, len(found) < 20_000) == (True, True, True)


def test_slides_are_pages_under_their_titles_with_their_notes() -> None:
    shape = "<p:sp><p:txBody><a:p><a:r><a:t>One</a:t></a:r><a:br/><a:r><a:t>two</a:t></a:r></a:p></p:txBody></p:sp>"  # noqa: E501
    found, _ = read(pptx([("Plan", shape, "Say 4711"), ("End", "", "")]), ".pptx")
    assert [(s.page, s.heading, s.text) for s in found] == [
        (1, "Plan", "Plan\n\nOne\ntwo\n\nNotes: Say 4711\n\n"),
        (2, "End", "End\n\n"),
    ]


@pytest.mark.parametrize(
    ("rtf", "lines"),
    [
        (r"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\par}", ["При"]),
        (
            r"{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset238 B;}}\f0\'e4 {\f1\'e6}\par}",
            ["ä ć"],
        ),
        (r"{\rtf1 a{\*\unknown hidden}b{\v secret}c\par}", ["abc"]),
        (r"{\rtf1 co\_op\~x\tab y\line z\par}", ["co-op\xa0x\ty", "z"]),
        (r"{\rtf1 {\field{\*\fldinst HYPERLINK x}{\fldrslt link}}\par}", ["link"]),
        (r"{\rtf1 One{\footnote note}.\par Two.\par}", ["One.", "Footnote: note", "Two."]),
        (r"{\rtf1{\header HEAD\par}{\footer FOOT\par}Body\par}", ["HEAD", "Body", "FOOT"]),
        (r"{\rtf1 kept{\deleted gone}\par}", ["kept"]),
        (r"{\rtf1 {\shp{\*\shpinst{\shptxt BOX\par}}{\shprslt BOX}}a\par}", ["a", "BOX"]),
        (r"{\rtf1 \u55357?\u56832?\par}", ["\U0001f600"]),
        (r"{\rtf1{\pict\bin5 {}{}}}x\par}", ["x"]),
        (r"{\rtf1\uc2 \u228 xxb\par}", ["äb"]),
        (r"{\rtf1\b\i", []),
        (r"{\rtf1 \trowd\cellx1\cellx2 \intbl\cell b\cell\row\pard x\par}", [" | b", "x"]),
    ],
)
def test_rtf_is_what_a_word_processor_shows(rtf: str, lines: list[str]) -> None:
    assert lines_of(rtf, ".rtf") == lines


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1))
def test_any_text_survives_rtf(text: str) -> None:
    found = " ".join(text_of(f"{{\\rtf1 {rtf_text(text)}\\par}}", ".rtf").split())
    assert found == " ".join(text.replace("\u00ad", "").split())


def test_compressed_rtf_is_unpacked_as_its_specification_shows() -> None:
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c09002062"
        "7705b06c647d0a800fa0"
    )
    assert decompress(packed, 1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


BODIES: dict[str, dict[int, str | bytes]] = {
    "plain": {0x1000: "The rent is 4711."},
    "html": {0x1013: b"<p>The rent is <b>4711</b>.</p>"},
    "blank plain": {0x1000: " ", 0x1013: b"<p>The rent is 4711.</p>"},
    "rtf": {0x1009: b"\0\0\0\0" + (25).to_bytes(4, "little") + b"MELA\0\0\0\0{\\rtf1 The rent is 4711.}"},
}  # fmt: skip


@pytest.mark.parametrize(("body", "depth", "is_large"), product(BODIES, range(3), (False, True)))
def test_outlook_messages_have_their_head_text_and_attachments(
    body: str, depth: int, is_large: bool
) -> None:
    filler = b"x" * (6000 if is_large else 10)
    file = b"Attached fact 815. " + filler
    bodies = dict(BODIES[body])
    if 0x1009 in bodies:
        rtf = b"{\\rtf1 The rent is 4711.}"
        size = len(rtf).to_bytes(4, "little")
        bodies[0x1009] = (len(rtf) + 12).to_bytes(4, "little") + size + b"MELA\0\0\0\0" + rtf
    storage = message({0x37: "Offer", 0x0C1A: "Anna", 0x0C1F: "a@b.org", **bodies}, {"a.txt": file})
    for n in range(depth):
        storage = message({0x37: f"Fwd {n}", 0x1000: "See."}, {"inner": storage})
    text = text_of(ole(storage), ".msg")
    assert "From: Anna <a@b.org>" in text
    assert "Subject: Offer" in text
    assert text.count("The rent is 4711.") == 1
    assert text.count("Attached fact 815.") == 1


@pytest.mark.parametrize("version", [3, 4])
def test_a_notebook_is_its_cells_with_what_they_printed(version: int) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Words."]},
        {"cell_type": "code", "source": "print(1)", "outputs": [
            {"output_type": "stream", "text": ["1\n"]},
            {"output_type": "execute_result", "data": {"text/plain": "42", "image/png": "AAAA"}},
            {"output_type": "error", "ename": "KeyError", "evalue": "'x'"},
            {"output_type": "display_data", "data": {"image/png": "AAAA"}}]},
    ]  # fmt: skip
    notebook = {"cells": cells} if version == 4 else {"worksheets": [{"cells": cells}]}
    found, notes = read(json.dumps(notebook), ".ipynb")
    assert [(s.heading, s.text) for s in found] == [
        ("Title", "# Title\nWords.\n\nprint(1)\n\n1\n\n42\n\nKeyError: 'x'\n\n")
    ]
    assert notes == ["1 outputs without text (pictures) were not read"]


@pytest.mark.parametrize("name", ["noscript", "template", "object", "iframe", "script", "style"])
@pytest.mark.parametrize("before", ["", "<noscript>x</noscript>", "<script>x</script>"])
@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("tag", ["<{}>", "<{} a='>'>", "<{}\n b>"])
def test_what_an_unclosed_element_swallows_is_read_or_noted(
    name: str, before: str, is_closed: bool, tag: str
) -> None:
    end = f"</{name}>" if is_closed else ""
    page = f"<p>one</p>{before}{tag.format(name)}inside{end}<p>two 4715</p>"
    found, notes = read(page, ".html")
    text = found[0].text
    assert "one" in text
    if is_closed:
        assert ("two 4715" in text, "inside" in text, notes) == (True, False, [])
    else:
        assert len(notes) == 1
        assert f"unclosed <{name}>" in notes[0]
        assert ("two 4715" in text) == (name not in ("script", "style"))


@pytest.mark.parametrize(
    ("data", "suffix", "kind", "error"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ".doc", Refused,
         "an old Office file (.doc): save it as .docx"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ".xlsx", Unreadable,
         "is encrypted: save it without a password"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), ".msg", Unreadable, "a damaged OLE file"),
        (b"{}", ".ipynb", Unreadable, "not a notebook (it has no cells)"),
        (zipped({"xl/workbook.bin": "x"}), ".xlsb", Refused, "an archive of no known format (.xlsb)"),
    ],
)  # fmt: skip
def test_what_is_not_read_says_what_to_do(
    data: bytes, suffix: str, kind: type[Exception], error: str
) -> None:
    with pytest.raises(kind) as caught:
        read(data, suffix)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="A3" t="s"><v>99</v></c>', '<c r="A3" t="s"><v>-1</v></c>', '<c r="A3" t="s"><v>x</v></c>',
        '<c r="A3"><v>1</v></c><c r="A3"><v>2</v></c>', '<c r="ZZZ3"><v>1</v></c>',
    ],
)  # fmt: skip
def test_a_cell_that_is_damaged_is_noted(cells: str) -> None:
    found, notes = read(xlsx({"S": [["Name", "Sum"], ["Anna", "5"]]}, cells=cells), ".xlsx")
    assert "Name: Anna; Sum: 5" in found[0].text
    assert notes == ["1 cells of sheet S are damaged and were not read"]


def test_hidden_text_of_rtf_is_noted_and_deleted_text_is_not() -> None:
    found, notes = read(rb"{\rtf1 a{\v hidden}b{\deleted gone}c\par}", ".rtf")
    assert (found[0].text, notes) == ("abc\n\n", ["6 characters of hidden text were not read"])


def test_a_cell_that_a_tracked_change_deletes_is_gone() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"

    gone = '<w:cellDel w:id="1"/>'
    rows = ("Name", "Old", "Sum"), ("Anna", "7", "5")
    body = "".join(
        f"<w:tr>{cell(name)}{cell(old, gone)}{cell(total)}</w:tr>" for name, old, total in rows
    )
    assert lines_of(docx(f"<w:tbl>{body}</w:tbl>"), ".docx") == ["Name | Sum", "Anna | 5"]


@pytest.mark.parametrize("at", [24, 26, 28, 30, 32, 44, 48, 56, 60, 64, 68, 76])
@pytest.mark.parametrize("value", [0, 1, 13, 62, 4096, 0xFFFF])
def test_an_outlook_message_whose_header_is_damaged_is_read_or_said_to_be(
    at: int, value: int
) -> None:
    data = bytearray(ole(message({0x37: "Offer", 0x1000: "The rent is 815."}, {})))
    data[at : at + 2] = value.to_bytes(2, "little")
    try:
        text_of(bytes(data), ".msg")
    except (Refused, Unreadable) as error:
        assert str(error)  # noqa: PT017
