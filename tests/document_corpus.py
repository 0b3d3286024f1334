"""Sixty and more documents as people have them, with what must be found in each.

Some are made by LibreOffice, where it is installed, mail by Python's own package, the others by hand as
Word, Excel, PowerPoint and Outlook write them. Nothing of it is stored.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import table_files as files
from document_files import docx_with, epub, odt, pdf, pptx, xlsx
from ole_files import message, ole

Table = Sequence[Sequence[str]]
Area = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Expected:
    said: tuple[str, ...] = ()
    """Words that stand in it, one after another."""
    table: Table = ()
    """The first row names the columns, the first column the rows; merged cells are filled."""
    has_columns: bool = True
    """Whether the format keeps them: a PDF does not."""


@dataclass(frozen=True, slots=True)
class Made:
    name: str
    data: bytes
    expected: Expected


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    paragraphs: tuple[str, ...]
    table: Table = ()
    merged: tuple[Area, ...] = ()
    headings: tuple[str, ...] = field(default=("Overview",))


_SOURCES = (
    _Source("contract", ("The notice period is thirty days.", "Die Miete beträgt 4711 € im Monat.",
                         "Tenants may keep a dog – or two cats."),
            [["Tenant", "January", "February", "March"], ["Anna", "", "512", "513"],
             ["Bruno", "611", "", ""], ["Chloé", "", "", "713"]]),
    _Source("prices", ("Prices hold until 5 May 2031.", "Łódź, Москва and Αθήνα cost the same."),
            [["Article", "Small", "Large"], ["Bread", "2,10", "3,40"], ["Milk", "", "1,95"],
             ["Bricks", "9,99", ""]]),
    _Source("minutes", ("Present: Ms Okafor, Mr Tanaka.", "Decided: the bridge is painted green."),
            [["Item", "Owner", "Due"], ["Paint", "Okafor", "12 May"], ["Brush", "", "14 May"]]),
    _Source("merged", ("Quarterly figures, audited.",),
            [["Region", "Q1", "Q2", "Q3"], ["North", "N-1", "N-2", "N-3"],
             ["South", "S-1", "", "S-3"], ["East", "E-1", "E-2", ""]], ((2, 1, 1, 2),)),
)  # fmt: skip


def written_by_hand() -> Iterator[Made]:
    for source in _SOURCES:
        expected = Expected(table=source.table)
        yield Made(f"{source.name}-word.docx", _word(source), _expected(source))
        for suffix, make in (
            ("rtf", files.as_rtf),
            ("pptx", files.as_pptx),
            ("xlsx", files.as_xlsx),
        ):
            yield Made(f"{source.name}-hand.{suffix}", make(source.table, source.merged), expected)
        page = _page(source).encode()
        yield Made(f"{source.name}-hand.html", page, _expected(source))
        if not source.merged:
            semicolons = files.as_csv(source.table, ";")
            yield Made(f"{source.name}-hand.csv", semicolons, expected)
            wide = semicolons.decode().encode("utf-16-le")
            yield Made(f"{source.name}-wide.csv", wide, expected)
        outlook = message(
            {0x37: source.name, 0x0C1A: "Anna", 0x1013: page, 0x1000: " "},
            {"table.xlsx": files.as_xlsx(source.table, source.merged)},
        )
        yield Made(f"{source.name}-outlook.msg", ole(outlook), _expected(source))
    yield from _special()
    yield from _numbered()


def _special() -> Iterator[Made]:
    box = "<w:txbxContent><w:p><w:r><w:t>Boxed fact 77.</w:t></w:r></w:p></w:txbxContent>"
    parts = {
        "header1": "<w:p><w:r><w:t>Secret of Firm X</w:t></w:r></w:p>",
        "footnotes": "<w:footnote w:id='2'><w:p><w:r><w:t>See annex 9.</w:t></w:r></w:p></w:footnote>",
        "comments": "<w:comment w:id='0' w:author='Eve'><w:p><w:r><w:t>Why 30?</w:t></w:r></w:p>"
                    "</w:comment>",
    }  # fmt: skip
    body = (
        "<w:p><w:r><w:t xml:space='preserve'>It is </w:t></w:r><w:del><w:r><w:delText>twenty</w:delText>"
        "</w:r></w:del><w:ins><w:r><w:t>thirty</w:t></w:r></w:ins><w:r><w:t xml:space='preserve'> days"
        "</w:t><w:footnoteReference w:id='2'/></w:r><w:r><mc:AlternateContent><mc:Choice>" + box +
        "</mc:Choice><mc:Fallback><w:pict>" + box + "</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t xml:space='preserve"
        "'> of co</w:t><w:noBreakHyphen/><w:t>operation.</w:t></w:r></w:p>"
    )  # fmt: skip
    said = ("It is thirty days of co-operation.", "Boxed fact 77.", "Secret of Firm X",
            "See annex 9.", "Why 30?")  # fmt: skip
    yield Made("review-word.docx", docx_with(parts, body), Expected(said))
    cells = [{"cell_type": "markdown", "source": "# Results\nWe measured 815 N."},
             {"cell_type": "code", "source": "f(2)", "outputs": [
                 {"output_type": "execute_result", "data": {"text/plain": "42.5"}}]}]  # fmt: skip
    yield Made("lab.ipynb", json.dumps({"cells": cells}).encode(),
               Expected(("We measured 815 N.", "42.5")))  # fmt: skip
    yield Made("slides.pptx", pptx([("Plan", "", "Mention 4711"), ("End", "", "")]),
               Expected(("Plan", "Mention 4711", "End")))  # fmt: skip
    yield Made("book.epub", epub("Herbs", ["<h1>Sage</h1><p>Grey 12.</p>", "<p>Thyme 13.</p>"]),
               Expected(("Sage", "Grey 12.", "Thyme 13.")))  # fmt: skip
    yield Made("two.xlsx", xlsx({"Rent": [["Name", "Sum"], ["Anna", "512"]], "Cost": [["Oil", "9"]]}),
               Expected(("Rent", "Cost", "Oil"), [["Name", "Sum"], ["Anna", "512"]]))  # fmt: skip
    yield Made("short.pdf", pdf(["Page one 111.", "Page two 222."]),
               Expected(("Page one 111.", "Page two 222.")))  # fmt: skip
    yield Made("chinese.txt", "合同的通知期为三十天。租金每月五千元。租户应当支付。".encode("gb18030"),
               Expected(("租金每月五千元。",)))  # fmt: skip


_NUMBERED = ("1. Rent", "(a) due monthly", "(b) paid in advance", "2. Notice", "V. Last")
"""What a reader sees of each of the files below."""


def _numbered() -> Iterator[Made]:
    """Lists whose numbers no file stores, and quotes that mean something."""
    expected = Expected(_NUMBERED)
    texts = [text.split(" ", 1)[1] for text in _NUMBERED]
    yield Made("numbered-word.docx", _numbered_docx(texts), expected)
    yield Made("numbered-hand.odt", _numbered_odt(texts), expected)
    page = "<ol><li>{}<ol type=a><li>{}<li>{}</ol><li>{}</ol><ol type=I start=5><li>{}</ol>".format(
        *texts
    )
    # A browser writes no brackets.
    plain = tuple(text.replace("(a)", "a.").replace("(b)", "b.") for text in _NUMBERED)
    yield Made("numbered.html", page.encode(), Expected(plain))
    quoted = 'Name;"Note, long";Sum\n"Anna";"says ""no"", twice";1,5\nBruno;5" nails;"2,5"\n'
    table = [["Name", "Note, long", "Sum"], ["Anna", 'says "no", twice', "1,5"],
             ["Bruno", '5" nails', "2,5"]]  # fmt: skip
    yield Made("quoted.csv", quoted.encode(), Expected(table=table))


def _numbered_docx(texts: Sequence[str]) -> bytes:
    def level(at: int, form: str, text: str, more: str = "") -> str:
        return (
            f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
            f'<w:suff w:val="space"/><w:lvlText w:val="{text}"/></w:lvl>'
        )

    tied = '<w:pStyle w:val="Term"/>'
    numbering = (
        f'<w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}'
        f'{level(1, "lowerLetter", "(%2)")}</w:abstractNum><w:abstractNum w:abstractNumId="1">'
        f"{level(0, 'upperRoman', '%1.', tied)}</w:abstractNum>"
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="1"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )
    styles = (
        '<w:style w:type="paragraph" w:styleId="Term"><w:name w:val="Term"/><w:pPr><w:numPr>'
        '<w:numId w:val="2"/></w:numPr></w:pPr></w:style>'
    )
    at = ('<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr>').format
    properties = [at(0), at(1), at(1), at(0), '<w:pStyle w:val="Term"/>']
    body = "".join(
        f"<w:p><w:pPr>{each}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
        for each, text in zip(properties, texts, strict=True)
    )
    return docx_with({"numbering": numbering, "styles": styles}, body)


def _numbered_odt(texts: Sequence[str]) -> bytes:
    def level(at: int, form: str, before: str, after: str) -> str:
        return (
            f'<text:list-level-style-number text:level="{at}" style:num-format="{form}" '
            f'style:num-prefix="{before}" style:num-suffix="{after}"/>'
        )

    items = [f"<text:list-item><text:p>{text}</text:p></text:list-item>" for text in texts]
    inner = f"<text:list>{items[1]}{items[2]}</text:list></text:list-item>"
    first = items[0].replace("</text:list-item>", inner)
    last = items[4].replace("list-item", 'list-item text:start-value="5"', 1)
    return odt(
        '<office:automatic-styles xmlns:style="s"><text:list-style style:name="A">'
        f"{level(1, '1', '', '.')}{level(2, 'a', '(', ')')}</text:list-style>"
        f'<text:list-style style:name="B">{level(1, "I", "", ".")}</text:list-style>'
        f'</office:automatic-styles><text:list text:style-name="A" xml:id="l1">{first}</text:list>'
        f'<text:list text:style-name="A" text:continue-list="l1">{items[3]}</text:list>'
        f'<text:list text:style-name="B">{last}</text:list>'
    )


def mail() -> Iterator[Made]:
    for source in _SOURCES:
        text = "\n\n".join(source.paragraphs)
        inner = EmailMessage()
        inner["From"], inner["Subject"] = "Anna <anna@example.org>", f"Re: {source.name} – Größe"
        inner.set_content(" \n")
        inner.add_alternative(_page(source), subtype="html")
        head = ("From: Anna <anna@example.org>", f"Subject: Re: {source.name} – Größe")
        expected = Expected((*head, *source.paragraphs), source.table)
        yield Made(f"{source.name}-html.eml", inner.as_bytes(), expected)
        outer = EmailMessage()
        outer["Subject"] = "Fwd"
        outer.set_content(text)
        outer.add_attachment(inner)
        outer.add_attachment(_word(source), "application", "octet-stream", filename="c.docx")
        yield Made(f"{source.name}-forward.eml", outer.as_bytes(), expected)


def by_libreoffice(folder: Path, soffice: str) -> Iterator[Made]:
    """Text documents, sheets and slides, each converted to every format of its kind."""
    folder.mkdir()
    pages, sheets, slides = [], [], []
    for source in _SOURCES:
        pages.append(_write(folder / f"{source.name}.html", _page(source).encode()))
        sheets.append(
            _write(folder / f"{source.name}.xlsx", files.as_xlsx(source.table, source.merged))
        )
        slides.append(
            _write(folder / f"{source.name}.pptx", files.as_pptx(source.table, source.merged))
        )
    _convert(soffice, folder, "odt", pages, "--infilter=HTML (StarWriter)")
    texts = [page.with_suffix(".odt") for page in pages]
    yield from _made(texts, has_text=True)
    for kind in ("docx", "rtf", "epub", "pdf"):
        yield from _made(_convert(soffice, folder / kind, kind, texts), has_text=True)
    for kind in ("ods", "xlsx"):
        yield from _made(_convert(soffice, folder / f"of-{kind}", kind, sheets))
    for kind in ("odp", "pptx"):
        yield from _made(_convert(soffice, folder / f"of-{kind}", kind, slides))


def _convert(
    soffice: str, folder: Path, kind: str, inputs: Sequence[Path], *options: str
) -> list[Path]:
    folder.mkdir(exist_ok=True)
    profile = f"-env:UserInstallation=file://{folder.parent}/profile"
    command = [
        soffice,
        profile,
        "--headless",
        *options,
        "--convert-to",
        kind,
        "--outdir",
        str(folder),
    ]
    subprocess.run([*command, *map(str, inputs)], check=True, capture_output=True, timeout=240)
    return [folder / path.with_suffix(f".{kind}").name for path in inputs]


def _made(paths: Sequence[Path], *, has_text: bool = False) -> Iterator[Made]:
    by_name = {source.name: source for source in _SOURCES}
    for path in paths:
        source = by_name[path.stem]
        expected = Expected(
            source.paragraphs if has_text else (), source.table, has_columns=path.suffix != ".pdf"
        )
        yield Made(f"{source.name}-libreoffice{path.suffix}", path.read_bytes(), expected)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _expected(source: _Source) -> Expected:
    return Expected(source.paragraphs, source.table)


def _page(source: _Source) -> str:
    table = files.as_html(source.table, source.merged)
    text = "".join(f"<p>{paragraph}</p>" for paragraph in source.paragraphs)
    title = source.headings[0]
    return f'<html><head><meta charset="utf-8"></head><body><h1>{title}</h1>{text}{table}</body></html>'


def _word(source: _Source) -> bytes:
    text = "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in source.paragraphs)
    return docx_with({}, text + files.docx_table(source.table, source.merged))
