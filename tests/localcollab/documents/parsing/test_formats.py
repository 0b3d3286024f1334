"""Every format on small real files: the text a reader sees, under its headings, on its pages."""

import io
import sys
import zipfile

import pytest

from document_files import docx, epub, odt, pdf, zipped
from documents_read import text_of
from localcollab.documents.parsing.formats import find_format, parser_of
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Missing, Refused, Section, Unreadable


def sections(data: bytes | str, suffix: str, limits: Limits = DEFAULT_LIMITS) -> list[Section]:
    return read(data, suffix, limits)[0]


def read(
    data: bytes | str, suffix: str, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[Section], list[str]]:
    raw = Raw(data.encode() if isinstance(data, str) else data, suffix, limits)
    return list(parser_of(find_format(raw))(raw)), raw.notes


def test_markdown_is_cut_at_headings_and_loses_nothing() -> None:
    text = "Before.\n\n# A\n\nOne.\n\n## B ##\nTwo.\n\nC\n===\nThree.\n```\n# no heading\n```\n"
    found = sections(text, ".md")
    assert "".join(section.text for section in found) == text
    assert [(s.heading, s.text.splitlines()[0]) for s in found] == [
        ("", "Before."),
        ("A", "# A"),
        ("A > B", "## B ##"),
        ("C", "C"),
    ]


def test_a_markdown_title_alone_stays_with_what_comes_next() -> None:
    assert sections("# A\n\n## B\n\nText.\n", ".md") == [
        Section("# A\n\n## B\n\nText.\n", heading="A > B")
    ]


def test_restructuredtext_titles_have_levels_by_their_first_use() -> None:
    text = "=====\nTitle\n=====\n\nIntro.\n\nPart\n----\nOne.\n\nOther\n-----\nTwo.\n"
    found = sections(text, ".rst")
    assert "".join(section.text for section in found) == text
    assert [s.heading for s in found] == ["Title", "Title > Part", "Title > Other"]


def test_code_is_cut_at_definitions_at_the_margin() -> None:
    text = "import a\n\ndef one(x):\n    return x\n\nclass Two:\n    def inner(self): ...\n"
    assert [(s.heading, s.text) for s in sections(text, ".py")] == [
        ("", "import a\n\n"),
        ("def one(x)", "def one(x):\n    return x\n\n"),
        ("class Two", "class Two:\n    def inner(self): ...\n"),
    ]


def test_html_is_what_a_reader_sees() -> None:
    page = (
        "<html><head><title>Leaflet</title><style>p {}</style><script>alert(1)</script></head>"
        "<body><p>Every   day &amp; night.</p><h1>Dose</h1><h2>Adults</h2><ul><li>one<li>two</ul>"
        "<table><tr><td>a</td><td>b</td></tr></table><pre>x\n  y</pre></body></html>"
    )
    assert [(s.heading, s.text) for s in sections(page, ".html")] == [
        ("Leaflet", "Leaflet\n\nEvery day & night.\n\n"),
        ("Dose > Adults", "Dose\n\nAdults\n\n- one\n- two\n\na | b\nx\n  y\n\n"),
    ]


def test_html_is_read_in_the_charset_it_declares() -> None:
    page = '<meta charset="iso-8859-2"><p>Łódź</p>'.encode("iso-8859-2")
    assert [s.text for s in sections(page, ".htm")] == ["Łódź\n\n"]


def test_docx_headings_are_known_by_the_names_of_their_styles() -> None:
    styles = '<w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>'
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Kihelrine</w:t></w:r></w:p>'
        '<w:p><w:pPr><w:pStyle w:val="berschrift2"/></w:pPr><w:r><w:t>Dose</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>Take </w:t></w:r><w:r><w:t>7 mg</w:t><w:tab/><w:t>daily.</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    )
    assert sections(docx(body, styles), ".docx") == [
        Section("Kihelrine\n\nDose\n\nTake 7 mg\tdaily.\n\na | b\n", heading="Kihelrine > Dose")
    ]


def test_odt_paragraphs_lists_and_tables_are_read_in_order() -> None:
    body = (
        '<text:h text:outline-level="1">Dose</text:h><text:p>Take<text:s text:c="2"/>7 mg.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
        "<office:annotation><text:p>a remark</text:p></office:annotation>"
    )
    assert sections(odt(body), ".odt") == [
        Section("Dose\n\nTake  7 mg.\n\none\na | b\nComment: a remark\n\n", heading="Dose")
    ]


def test_epub_chapters_follow_the_spine_under_the_title_of_the_book() -> None:
    book = epub("Herbs", ["<h1>Sage</h1><p>Grey.</p>", "<h1>Thyme</h1><p>Small.</p>"])
    assert sections(book, ".epub") == [
        Section("Sage\n\nGrey.\n\n", heading="Herbs > Sage"),
        Section("Thyme\n\nSmall.\n\n", heading="Herbs > Thyme"),
    ]


def test_pdf_pages_are_kept_with_the_bookmark_they_stand_under() -> None:
    found, notes = read(pdf(["First page.", "", "Third\npage."], {"Start": 1, "End": 3}), ".pdf")
    assert found == [
        Section("First page.\n\n", 1, "Start"),
        Section("Third\npage.\n\n", 3, "End"),
    ]
    assert notes == ["1 of 3 pages have no text layer: docs add --ocr reads them"]


def test_a_pdf_of_pictures_says_that_it_has_no_text_layer() -> None:
    assert read(pdf(["", ""]), ".pdf") == (
        [],
        ["no text layer: its pages are pictures, which docs add --ocr reads"],
    )


def test_without_pypdf_a_pdf_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(Missing, match=r"pip install 'localcollab\[documents\]'"):
        sections(pdf(["x"]), ".pdf")


def test_csv_rows_say_what_their_cells_are() -> None:
    text = 'name;dose;note\nSage;7;"two\nlines"\nThyme;8;\n'
    assert sections(text, ".csv") == [
        Section("name: Sage; dose: 7; note: two\nlines\n\nname: Thyme; dose: 8\n\n")
    ]


MESSAGE = (
    b"From: a@example.org\nTo: b@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
    b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=X\n\n--X\n"
    b"Content-Type: text/html; charset=utf-8\n\n<p>Come at 7.</p>\n--X\n"
    b'Content-Type: image/png; name="map.png"\nContent-Disposition: attachment; filename="map.png"\n'
    b"\nAAAA\n--X--\n"
)


def test_mail_has_its_head_its_text_and_the_names_of_what_is_attached() -> None:
    found, notes = read(MESSAGE, ".eml")
    assert found == [
        Section(
            "From: a@example.org\nTo: b@example.org\nSubject: Grüße\nAttached: map.png\n\n"
            "Come at 7.\n\n",
            heading="Grüße",
        )
    ]
    assert notes == ["attached map.png was not read (image/png)"]


def test_a_mailbox_has_a_section_for_each_message() -> None:
    box = (
        b"From a Mon\nSubject: One\n\nFirst.\n>From here.\n\n"
        b"From b Tue\nSubject: Two\n\nSecond.\nFrom inside.\n"
    )
    assert [(s.heading, s.text) for s in sections(box, ".mbox")] == [
        ("One", "Subject: One\n\nFirst.\nFrom here.\n\n"),
        ("Two", "Subject: Two\n\nSecond.\nFrom inside.\n\n"),
    ]


GUESSED = "encoding guessed: WINDOWS-1252 (if it is wrong, save the file as UTF-8)"


@pytest.mark.parametrize(
    ("data", "text", "notes"),
    [
        ("naïve\r\nline".encode(), "naïve\nline", []),
        ("naïve".encode("utf-8-sig"), "naïve", []),
        ("naïve".encode("utf-16"), "naïve", []),
        ("naïve".encode("latin-1"), "naïve", [GUESSED]),
    ],
)
def test_text_is_read_in_its_encoding(data: bytes, text: str, notes: list[str]) -> None:
    assert read(data, ".txt") == ([Section(text)], notes)


def test_the_content_decides_what_a_file_is_where_its_name_says_otherwise() -> None:
    book = epub("T", ["<p>x</p>"])
    assert [find_format(Raw(data, suffix, DEFAULT_LIMITS)) for data, suffix in [
        (pdf(["x"]), ".txt"), (docx(""), ".odt"), (book, ".docx"), (b"plain", ".unheard"),
    ]] == ["pdf", "docx", "epub", "text"]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "suffix", "kind", "message"),
    [
        (b"plain", ".pdf", Unreadable, "is named .pdf, but is no PDF, or damaged at its beginning"),
        (bytes(range(256)), ".txt", Refused, "binary data, not text: no known format (.txt)"),
        (zipped({"a": "b"}), ".zip", Refused, "an archive of no known format (.zip)"),
        (b"PK\x03\x04rest", ".docx", Unreadable, "a damaged archive (File is not a zip file)"),
        (docx("<w:p>"), ".docx", Unreadable, "its XML is damaged (mismatched tag)"),
        (docx("<w:p>" * 600), ".docx", Unreadable, "its XML is nested more than 500 deep"),
        (b"no message", ".mbox", Unreadable, "is named a mailbox, but no message begins in it"),
        (b"%PDF-1.4 rubbish", ".pdf", Unreadable, "a damaged PDF"),
    ],
)
def test_what_cannot_be_read_says_why(
    data: bytes, suffix: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        sections(data, suffix)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "encoding", ["rId1", "rot13", "utf-32", "shift_jis", "idna", "é", "x" * 5000]
)
def test_an_encoding_of_xml_that_is_not_supported_is_named(encoding: str) -> None:
    part = f'<?xml version="1.0" encoding="{encoding}"?><a/>'
    with pytest.raises(Unreadable, match=r"its XML is (in the encoding|damaged)") as caught:
        sections(zipped({"word/document.xml": part}), ".docx")
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-16", "iso-8859-1", "windows-1251", "koi8-r"])
def test_an_encoding_of_xml_that_is_supported_is_read(encoding: str) -> None:
    text = "жи" if encoding not in ("utf-8", "UTF-16", "iso-8859-1") else "é"
    part = (
        f'<?xml version="1.0" encoding="{encoding}"?><w:document xmlns:w="w"><w:p><w:r><w:t>{text}</w:t>'
        "</w:r></w:p></w:document>"
    ).encode(encoding)
    assert sections(zipped({"word/document.xml": part}), ".docx")[0].text.strip() == text


def test_an_archive_unpacks_to_so_much_and_no_more() -> None:
    limits = Limits(unpacked_bytes=100_000)
    with pytest.raises(Refused, match="unpacks to more than 0 MB"):
        sections(docx("<w:p/>" * 50_000), ".docx", limits)


def test_entities_are_refused_before_they_are_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    with pytest.raises(Unreadable, match="its XML declares entities"):
        sections(zipped({"word/document.xml": bomb}), ".docx")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@pytest.mark.parametrize("part", ["mimetype", "content.xml"])
@pytest.mark.parametrize("more", [1, 100, 2**31 - 1])
def test_a_part_that_claims_more_than_the_file_holds_is_damage(
    method: int, part: str, more: int
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in ("mimetype", "content.xml"):
            archive.writestr(name, "application/vnd.oasis.opendocument.text")
    data = bytearray(file.getvalue())
    at = data.index(part.encode(), data.index(b"PK\x01\x02")) - 46  # its central header
    for field in (20, 24):  # packed and unpacked bytes
        size = int.from_bytes(data[at + field : at + field + 4], "little") + more
        data[at + field : at + field + 4] = min(size, 2**32 - 1).to_bytes(4, "little")
    with pytest.raises((Unreadable, Refused)):
        text_of(bytes(data), ".odt")
