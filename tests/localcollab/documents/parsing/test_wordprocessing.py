"""DOCX and ODT as a reader sees them: each text once, in its place; changes accepted."""

from itertools import permutations, product

import pytest

from document_files import docx, docx_with, odt, zipped
from documents_read import lines_of, read

RUN = "<w:r><w:t>{}</w:t></w:r>"
BOX = "<w:txbxContent><w:p>" + RUN.format("BOX") + "</w:p></w:txbxContent>"
INLINE = {
    "plain": (RUN.format("x"), "x"),
    "inserted": (f"<w:ins w:id='1'>{RUN.format('new')}</w:ins>", "new"),
    "deleted": ("<w:del w:id='2'><w:r><w:delText>old</w:delText></w:r></w:del>", ""),
    "moved away": (f"<w:moveFrom w:id='3'>{RUN.format('gone')}</w:moveFrom>", ""),
    "moved here": (f"<w:moveTo w:id='4'>{RUN.format('come')}</w:moveTo>", "come"),
    "hyphen": ("<w:r><w:t>co</w:t><w:noBreakHyphen/><w:t>op</w:t></w:r>", "co-op"),
    "soft hyphen": ("<w:r><w:t>rent</w:t><w:softHyphen/><w:t>al</w:t></w:r>", "rental"),
    "tab": ("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r>", "a\tb"),
    "hidden": ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>", ""),
    "field": ("<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
              "<w:r><w:t>7</w:t></w:r>", "7"),
    "link": (f"<w:hyperlink r:id='r9'>{RUN.format('link')}</w:hyperlink>", "link"),
    "format change": ("<w:r><w:rPr><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr>"
                      "<w:t>kept</w:t></w:r>", "kept"),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second"), permutations(INLINE, 2))
def test_a_paragraph_is_what_it_is_when_all_changes_are_accepted(first: str, second: str) -> None:
    body = f"<w:p>{RUN.format('[')}{INLINE[first][0]}{RUN.format('-')}{INLINE[second][0]}{RUN.format(']')}</w:p>"  # noqa: E501
    assert lines_of(docx_with({}, body), ".docx") == [f"[{INLINE[first][1]}-{INLINE[second][1]}]"]


@pytest.mark.parametrize(("is_choice", "is_fallback", "in_table"), product((True, False), repeat=3))
def test_a_text_box_is_read_once_after_its_whole_paragraph(
    is_choice: bool, is_fallback: bool, in_table: bool
) -> None:
    choice = f"<mc:Choice Requires='wps'>{BOX if is_choice else '<w:drawing/>'}</mc:Choice>"
    fallback = f"<mc:Fallback>{BOX if is_fallback else ''}</mc:Fallback>"
    box = f"<w:r><mc:AlternateContent>{choice}{fallback}</mc:AlternateContent></w:r>"
    body = f"<w:p>{RUN.format('before ')}{box}{RUN.format('after')}</w:p>"
    if in_table:
        cell = f"<w:tc><w:p>{RUN.format('cell')}</w:p></w:tc>"
        body = f"<w:tbl><w:tr><w:tc>{body}</w:tc>{cell}</w:tr></w:tbl>"
    expected = ["before after | cell" if in_table else "before after"]
    expected += ["BOX"] if is_choice or is_fallback else []
    assert lines_of(docx_with({}, body), ".docx") == expected


def test_everything_around_the_body_is_read_once_and_in_place() -> None:
    parts = {
        "header1": f"<w:p>{RUN.format('HEAD')}</w:p>", "header2": f"<w:p>{RUN.format('HEAD')}</w:p>",
        "footer1": f"<w:p>{RUN.format('FOOT')}</w:p>",
        "footnotes": f"<w:footnote w:id='1'><w:p>{RUN.format('note one')}</w:p></w:footnote>",
        "endnotes": f"<w:endnote w:id='1'><w:p>{RUN.format('end one')}</w:p></w:endnote>",
        "comments": f"<w:comment w:id='0' w:author='Eve'><w:p>{RUN.format('really?')}</w:p></w:comment>"
                    f"<w:comment w:id='5'><w:p>{RUN.format('of nothing')}</w:p></w:comment>",
    }  # fmt: skip
    body = (
        f"<w:p>{RUN.format('First')}<w:r><w:footnoteReference w:id='1'/></w:r>"
        f"<w:r><w:commentReference w:id='0'/></w:r>{RUN.format('.')}</w:p>"
        f"<w:p>{RUN.format('Second')}<w:r><w:endnoteReference w:id='1'/></w:r></w:p>"
    )
    assert lines_of(docx_with(parts, body), ".docx") == [
        "HEAD", "First.", "Footnote: note one", "Comment by Eve: really?", "Second",
        "Endnote: end one", "Comment: of nothing", "FOOT",
    ]  # fmt: skip


def test_a_header_stands_before_its_section() -> None:
    related = "".join(
        f'<Relationship Id="r{n}" Type="x/header" Target="header{n}.xml"/>' for n in (1, 2)
    )
    name = 'xmlns:w="w" xmlns:r="r"'
    headers = {f"word/header{n}.xml": f"<w:hdr {name}><w:p><w:r><w:t>HEAD {n}</w:t></w:r></w:p></w:hdr>"
               for n in (1, 2)}  # fmt: skip
    refer = '<w:sectPr><w:headerReference w:type="default" r:id="r{}"/></w:sectPr>'
    body = (
        f"<w:p><w:pPr>{refer.format(1)}</w:pPr>{RUN.format('One')}</w:p>"
        f"<w:p>{RUN.format('Two')}</w:p>{refer.format(2)}"
    )
    document = f"<w:document {name}><w:body>{body}</w:body></w:document>"
    rels = f"<Relationships>{related}</Relationships>"
    file = zipped({"word/document.xml": document, "word/_rels/document.xml.rels": rels, **headers})
    assert lines_of(file, ".docx") == ["HEAD 1", "One", "HEAD 2", "Two"]


def test_a_deleted_paragraph_mark_joins_two_paragraphs_and_a_deleted_row_is_gone() -> None:
    row = "<w:tr>{}<w:tc><w:p>" + RUN + "</w:p></w:tc><w:tc><w:p>" + RUN + "</w:p></w:tc></w:tr>"
    body = (
        "<w:p><w:pPr><w:rPr><w:del w:id='1'/></w:rPr></w:pPr><w:r><w:t xml:space='preserve'>One "
        f"</w:t></w:r></w:p><w:p>{RUN.format('two.')}</w:p><w:tbl>"
        + row.format("", "a", "b") + row.format("<w:trPr><w:del w:id='2'/></w:trPr>", "c", "d")
        + row.format("<w:trPr><w:ins w:id='3'/></w:trPr>", "e", "f") + "</w:tbl>"
    )  # fmt: skip
    assert lines_of(docx(body), ".docx") == ["One two.", "a | b", "e | f"]


def test_text_that_is_left_out_of_a_docx_is_noted() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>"
    assert read(docx(f"<w:p>{RUN.format('a')}{hidden}</w:p>"), ".docx")[1] == [
        "6 characters of hidden text were not read"
    ]


def test_odt_notes_comments_boxes_and_changes() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>old</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        "<text:p>First<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>note one</text:p></text:note-body></text:note> and<text:tab/>more"
        "<office:annotation><text:p>really?</text:p></office:annotation>.</text:p>"
        "<text:p>Before <draw:text-box xmlns:draw='d'><text:p>BOX</text:p></draw:text-box>after.</text:p>"
    )
    assert lines_of(odt(body), ".odt") == [
        "First and\tmore.", "Footnote: note one", "Comment: really?", "Before after.", "BOX",
    ]  # fmt: skip
