"""Automatic numbers of DOCX: counted by levels and restarts, spelled as the list says."""

import random
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from document_files import docx_with
from documents_read import lines_of, read
from localcollab.documents.parsing.numerals import spelled

N_DOCUMENTS = 60
N_LEVELS = 4


def level(at: int, form: str, text: str, more: str = "", start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def abstract(id_: int, *levels: str) -> str:
    return (
        f'<w:abstractNum w:abstractNumId="{id_}"><w:multiLevelType w:val="multilevel"/>'
        f"{''.join(levels)}</w:abstractNum>"
    )


def num(id_: int, of: int, overrides: str = "") -> str:
    return f'<w:num w:numId="{id_}"><w:abstractNumId w:val="{of}"/>{overrides}</w:num>'


def begins_at(start: int, at: int = 0) -> str:
    return f'<w:lvlOverride w:ilvl="{at}"><w:startOverride w:val="{start}"/></w:lvlOverride>'


def paragraph(text: str, num: int | None = None, at: int = 0, style: str = "") -> str:
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    if num is not None:
        properties += f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{num}"/></w:numPr>'
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def document(body: str, *numbering: str, styles: str = "") -> bytes:
    return docx_with({"numbering": "".join(numbering), "styles": styles}, body)


def lines(body: str, *numbering: str, styles: str = "") -> list[str]:
    return lines_of(document(body, *numbering, styles=styles), ".docx")


@pytest.mark.parametrize("seed", range(N_DOCUMENTS))
def test_a_number_is_how_often_its_level_came_since_one_above(seed: int) -> None:
    rng = random.Random(seed)
    starts = [rng.choice((0, 1, 1, 7)) for _ in range(N_LEVELS)]
    # After which levels, counted from 1, this one begins anew.
    restarts = [rng.choice((None, None, 0, max(at, 1))) for at in range(N_LEVELS)]
    levels, depth = [0], 0
    for _ in range(30):
        depth = rng.randint(0, min(depth + 1, N_LEVELS - 1))
        levels.append(depth)
    definitions = [
        level(at, "decimal", ".".join(f"%{n + 1}" for n in range(at + 1)),
              "" if restarts[at] is None else f'<w:lvlRestart w:val="{restarts[at]}"/>', starts[at])
        for at in range(N_LEVELS)
    ]  # fmt: skip

    def number(at: int, until: int) -> int:
        after = restarts[at]
        passed = levels[:until]
        resets = [
            n for n, each in enumerate(passed) if each < (at if after is None else min(at, after))
        ]
        return starts[at] - 1 + passed[resets[-1] if resets else 0 :].count(at)

    expected = [
        ".".join(str(number(above, n + 1)) for above in range(at + 1)) + f" T{n}"
        for n, at in enumerate(levels)
    ]
    body = "".join(paragraph(f"T{n}", 1, at) for n, at in enumerate(levels))
    assert lines(body, abstract(0, *definitions), num(1, 0)) == expected


@pytest.mark.slow
def test_numbers_are_those_that_libreoffice_shows(tmp_path: Path) -> None:
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    for seed in range(N_DOCUMENTS):
        (tmp_path / f"{seed}.docx").write_bytes(_random_document(random.Random(seed)))
    for kind in ("txt:Text", "odt", "rtf"):
        subprocess.run(
            [soffice, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to",
             kind, "--outdir", str(tmp_path), *map(str, tmp_path.glob("*.docx"))],
            check=True, capture_output=True, timeout=240,
        )  # fmt: skip
    n_odt = 0
    for path in tmp_path.glob("*.docx"):
        shown = path.with_suffix(".txt").read_text(encoding="utf-8-sig").splitlines()
        expected = [_with_own_bullet(line) for line in shown if line.strip()]
        n_odt += _names_all_lists(path.with_suffix(".odt"))
        suffixes = (".docx", ".odt", ".rtf")
        for suffix in suffixes if _names_all_lists(path.with_suffix(".odt")) else suffixes[::2]:
            found = lines_of(path.with_suffix(suffix).read_bytes(), suffix)
            assert [_with_own_bullet(line.replace("\t", " ")) for line in found] == expected
    assert n_odt > N_DOCUMENTS // 4


def _names_all_lists(path: Path) -> bool:
    """LibreOffice lets lists continue others that it does not store: the file does not say which."""
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml").decode()
    stored = set(re.findall(r'xml:id="(list\d+)"', content))
    return stored >= set(re.findall(r'text:continue-list="(list\d+)"', content))


def _random_document(rng: random.Random) -> bytes:
    """Several lists, of which some count together, some begin anew."""
    forms = ("decimal", "lowerLetter", "upperLetter", "lowerRoman", "upperRoman", "decimalZero",
             "ordinal", "bullet")  # fmt: skip
    n_abstract = rng.randint(1, 3)
    numbering = [
        abstract(id_, *(_random_level(rng, at, rng.choice(forms)) for at in range(N_LEVELS)))
        for id_ in range(n_abstract)
    ]
    n_nums = rng.randint(n_abstract, 5)
    for id_ in range(1, n_nums + 1):
        overrides = begins_at(rng.randint(1, 7)) if rng.random() < 0.35 else ""
        numbering.append(num(id_, rng.randrange(n_abstract), overrides))
    body, current = "", 1
    for n in range(30):
        current = rng.randint(1, n_nums) if rng.random() < 0.15 else current
        is_plain = rng.random() < 0.1
        at = rng.choice((0, 0, 0, 1, 1, 2, 3))
        body += paragraph(f"T{n}", None if is_plain else current, at)
    return document(body, *numbering)


def _random_level(rng: random.Random, at: int, form: str) -> str:
    text = rng.choice((f"%{at + 1}.", f"(%{at + 1})", ".".join(f"%{n + 1}" for n in range(at + 1))))
    more = '<w:suff w:val="space"/>' if rng.random() < 0.2 else ""
    return level(at, form, "–" if form == "bullet" else text, more, rng.choice((1, 1, 1, 3)))


def _with_own_bullet(line: str) -> str:
    """LibreOffice has bullets of its own for each level."""
    line = line.strip()
    return f"–{line[1:]}" if line[0] in "•◦▪" else line


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("decimal", "1 2 3 4 9 27 4000"),
        ("decimalZero", "01 02 03 04 09 27 4000"),
        ("lowerLetter", "a b c d i aa 4000"),
        ("upperLetter", "A B C D I AA 4000"),
        ("lowerRoman", "i ii iii iv ix xxvii 4000"),
        ("upperRoman", "I II III IV IX XXVII 4000"),
        ("ordinal", "1st 2nd 3rd 4th 9th 27th 4000th"),
        ("chineseCounting", "一 二 三 四 九 二十七 4000"),
        ("decimalEnclosedCircle", "① ② ③ ④ ⑨ 27 4000"),
        ("russianLower", "а б в г и яя 4000"),
        ("neverHeardOf", "1 2 3 4 9 27 4000"),
    ],
)
def test_numbers_are_spelled_as_the_list_says(form: str, expected: str) -> None:
    numbers = (1, 2, 3, 4, 9, 27 if form != "russianLower" else 58, 4000)
    assert " ".join(spelled(number, form) for number in numbers) == expected


def test_headings_get_the_numbers_of_their_styles() -> None:
    tied = [level(at, "decimal", ".".join(f"%{n + 1}" for n in range(at + 1)),
                  f'<w:pStyle w:val="H{at + 1}"/>') for at in range(2)]  # fmt: skip
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="H{n}"><w:name w:val="heading {n}"/>{more}'
        f'<w:pPr><w:numPr><w:numId w:val="5"/></w:numPr><w:outlineLvl w:val="{n - 1}"/></w:pPr></w:style>'
        for n, more in ((1, ""), (2, '<w:basedOn w:val="H1"/>'))
    )
    styles += '<w:style w:styleId="Mine"><w:basedOn w:val="H2"/></w:style>'
    body = (
        paragraph("Scope", style="H1") + paragraph("Aim", style="H2") + paragraph("Text")
        + paragraph("Place", style="Mine") + paragraph("Unnumbered", 0, style="H1")
        + paragraph("Rent", style="H1") + paragraph("Due", style="H2") + paragraph("Text")
    )  # fmt: skip
    file = document(body, abstract(0, *tied), num(5, 0), styles=styles)
    assert lines_of(file, ".docx") == [
        "1 Scope", "1.1 Aim", "Text", "1.2 Place", "Unnumbered", "2 Rent", "2.1 Due", "Text",
    ]  # fmt: skip
    assert [section.heading for section in read(file, ".docx")[0]] == [
        "1 Scope > 1.1 Aim", "2 Rent > 2.1 Due",
    ]  # fmt: skip


def test_a_list_takes_its_levels_from_the_style_that_it_names() -> None:
    linked = '<w:abstractNum w:abstractNumId="1"><w:numStyleLink w:val="Mine"/></w:abstractNum>'
    styles = (
        '<w:style w:type="numbering" w:styleId="Mine"><w:pPr><w:numPr><w:numId w:val="2"/></w:numPr>'
        "</w:pPr></w:style>"
    )
    body = paragraph("a", 1) + paragraph("b", 2) + paragraph("c", 1)
    numbering = (linked, abstract(0, level(0, "upperRoman", "%1.")), num(1, 1), num(2, 0))
    assert lines(body, *numbering, styles=styles) == ["I. a", "II. b", "III. c"]


def test_a_num_may_have_levels_of_its_own() -> None:
    own = f'<w:lvlOverride w:ilvl="0">{level(0, "lowerLetter", "%1)", start=3)}</w:lvlOverride>'
    body = paragraph("a", 1) + paragraph("b", 1)
    assert lines(body, abstract(0, level(0, "decimal", "%1.")), num(1, 0, own)) == ["c) a", "d) b"]


def test_a_legal_number_has_figures_only() -> None:
    levels = (level(0, "upperRoman", "Article %1."), level(1, "decimal", "%1.%2", "<w:isLgl/>"))
    body = paragraph("Rent", 1) + paragraph("Due", 1) + paragraph("Monthly", 1, 1)
    assert lines(body, abstract(0, *levels), num(1, 0)) == [
        "Article I. Rent", "Article II. Due", "2.1 Monthly",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sign", "shown"), [("\uf0b7", "•"), ("–", "–"), ("o", "◦"), ("\uf0fe", "•"), ("➢", "➢")]
)
def test_bullets_are_signs(sign: str, shown: str) -> None:
    assert lines(paragraph("a", 1), abstract(0, level(0, "bullet", sign)), num(1, 0)) == [
        f"{shown} a"
    ]


def test_an_empty_item_counts_and_in_a_table_its_number_is_the_cells_text() -> None:
    numbering = (abstract(0, level(0, "decimal", "%1.")), num(1, 0))
    cells = "".join(
        f"<w:tr><w:tc>{paragraph('', 1)}</w:tc><w:tc>{paragraph(name)}</w:tc></w:tr>"
        for name in ("Anna", "Bruno")
    )
    body = paragraph("first", 1) + paragraph("", 1) + f"<w:tbl>{cells}</w:tbl>" + paragraph("x", 1)
    assert lines(body, *numbering) == ["1. first", "3. | Anna", "4. | Bruno", "5. x"]


def test_an_item_that_tracked_changes_remove_does_not_count() -> None:
    gone = (
        '<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>'
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    )
    body = paragraph("a", 1) + gone + paragraph("b", 1)
    assert lines(body, abstract(0, level(0, "decimal", "%1.")), num(1, 0)) == ["1. a", "2. b"]


HOSTILE = {
    "no such num": (paragraph("a", 77), ()),
    "no such level": (paragraph("a", 1, 8), (abstract(0, level(0, "decimal", "%1.")), num(1, 0))),
    "a level that Word does not have": (
        paragraph("a", 1, 999_999_999), (abstract(0, level(999_999_999, "decimal", "%1.")), num(1, 0)),
    ),
    "a level of a thousand digits": (
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="' + "9" * 1000 + '"/><w:numId w:val="1"/></w:numPr></w:pPr>'
        "<w:r><w:t>a</w:t></w:r></w:p>", (abstract(0, level(3, "decimal", "%1.")), num(1, 0)),
    ),
    "a text of a megabyte": (
        paragraph("a", 1), (abstract(0, level(0, "decimal", "%1" * 500_000)), num(1, 0)),
    ),
    "a list that is made of itself": (
        paragraph("a", 1),
        ('<w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="Me"/></w:abstractNum>', num(1, 0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_list_that_makes_no_sense_has_no_numbers(kind: str) -> None:
    body, numbering = HOSTILE[kind]
    styles = (
        '<w:style w:styleId="Me"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    assert lines(body, *numbering, styles=styles) == ["a"]


def test_a_start_of_many_digits_is_a_number_still() -> None:
    definition = abstract(0, level(0, "upperRoman", "%1.", start=999_999_999))
    assert lines(paragraph("a", 1), definition, num(1, 0)) == ["999999999. a"]
