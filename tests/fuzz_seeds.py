"""Sound files of every kind, made once for a run, and the mutants of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fuzz_mutations as mutate
from fuzz_mutations import Rng, pick

SHA_BASE, SHA_EXPERT, VOCABULARY = "a" * 64, "b" * 64, "c" * 64
N_EMBD = 32


class Mutant(NamedTuple):
    data: bytes
    suffix: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What the mutants of a run are made from."""

    folder: Path
    """For files that a mutation needs for a moment."""
    corpus: Path | None = None
    """A folder of sound documents, besides those made here."""


Make = Callable[[Rng, Sources], Mutant]


def heads(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.tensors(rng, _heads(sources.folder)[int(rng.integers(2))]), ".safetensors")


@cache
def _heads(folder: Path) -> tuple[bytes, ...]:
    from localcollab.methods.heads import Head, HeadMetadata, save_head

    rng = np.random.default_rng(0)
    metadata = HeadMetadata(
        SHA_BASE, (SHA_EXPERT, SHA_EXPERT), VOCABULARY, "d" * 64, metrics={"base": 1.5}
    )

    def random(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    linear = {"weight": random(2, N_EMBD), "bias": random(2)}
    hidden = {
        "hidden_weight": random(8, N_EMBD), "hidden_bias": random(8), "weight": random(2, 8),
        "bias": random(2),
    }  # fmt: skip
    path, found = folder / "sound.safetensors", []
    for tensors in (linear, hidden):
        save_head(Head(tensors, metadata), path)
        found.append(path.read_bytes())
    return tuple(found)


def bridges(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.tensors(rng, pick(rng, _bridges(sources.folder))), ".safetensors")


@cache
def _bridges(folder: Path) -> tuple[bytes, ...]:
    from localcollab.methods import bridges as module

    rng = np.random.default_rng(0)

    def pair() -> module.Pair:
        shapes = ((N_EMBD,), (N_EMBD,), (8, N_EMBD), (8, N_EMBD), (8, N_EMBD), (N_EMBD, 8))
        return module.Pair(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))

    metadata = module.BridgeMetadata(
        SHA_BASE, (SHA_EXPERT,), VOCABULARY, (module.LayerPair(0, 1, 0), module.LayerPair(0, 0, 1)), 2,
        module.spread_slopes(2),
    )  # fmt: skip
    bridge, path = module.Bridge((pair(), pair()), metadata), folder / "sound.safetensors"
    found = []
    for half in (False, True):
        module.save_bridge(bridge, path, half=half)
        found.append(path.read_bytes())
    return tuple(found)


def rankers(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.tensors(rng, _ranker(sources.folder)), ".safetensors")


@cache
def _ranker(folder: Path) -> bytes:
    from localcollab.blend import ranker_file as module

    rng = np.random.default_rng(0)
    shapes = {"hidden_weight": (8, 16), "hidden_bias": (8,), "weight": (3, 8), "bias": (3,)}
    tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    form = module.Form(5, 6, 7, 8, 1, 64, 64)
    card = module.RankerCard(
        SHA_BASE, form, ("bleu", "rouge", "length"), "d" * 64, 1, {"accuracy": 0.5}
    )
    path = folder / "sound.safetensors"
    module.save_ranker_file(module.RankerFile(tensors, card), path)
    return path.read_bytes()


def mixtures(rng: Rng, sources: Sources) -> Mutant:
    sound = {
        "format": "localcollab-mixture-1", "member_sha256s": [SHA_BASE, SHA_EXPERT], "weights": [0.25,
        0.75],
        "vocabulary": VOCABULARY, "data_sha256": "d" * 64, "seed": 0, "metrics": {"equal": 1.5},
        "versions": {"localcollab": "1"},
    }  # fmt: skip
    return Mutant(mutate.json_text(rng, sound), ".json")


CATALOG = """default = "t"
[models.a]
path = "a.gguf"
about = "one"
licence = "MIT"
n_ctx = 512
threads = 2
sampling = { temperature = 0.5, top_k = 5 }
[models.b]
repository = "x/y"
file = "b.gguf"
sha256 = "SHA256"
size_bytes = 1000
[models.tuned]
weights_of = "a"
adapter = "lora.gguf"
[heads.h]
path = "h.safetensors"
[bridges.br]
path = "b.safetensors"
[mixtures.m]
path = "m.json"
[teams.t]
method = "deferral"
base = "a"
experts = ["b", "tuned"]
head = "h"
threshold = 0.25
[teams.t.familiar.b]
opening = "# "
least_logprob = -4.0
[teams.c]
method = "calm"
base = "a"
experts = ["b"]
bridge = "br"
[teams.p]
method = "proxy"
base = "a"
expert = "b"
antiexpert = "tuned"
alpha = 0.5
[teams.k]
method = "contrast"
expert = "a"
amateur = "b"
beta = 0.5
cut = 0.1
[teams.mix]
method = "mixture"
members = ["a", "b"]
fitted = "m"
space = "log"
[teams.s]
method = "speculation"
base = "a"
draft = "b"
memory_gb = 4
[teams.nested]
method = "deferral"
base = "p"
experts = ["a"]
gate = "random(0.5)"
""".replace("SHA256", SHA_BASE)
_NAMES = (
    "models", "heads", "bridges", "mixtures", "teams", "default", "path", "repository", "file", "sha256",
    "package", "weights_of", "adapter", "method", "base", "experts", "expert", "antiexpert", "amateur",
    "members", "weights", "fitted", "space", "alpha", "beta", "cut", "head", "gate", "threshold",
    "compose",
    "familiar", "draft", "memory_gb", "about", "licence", "n_ctx", "threads", "sampling", "max_tokens",
    "sampling.top_p",
    "template", "system", "verified", "rankers", "size_bytes", "x", '""', '"a b"', "a", "b", "t",
)  # fmt: skip


def catalogues(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.toml_text(rng, CATALOG, _NAMES), ".toml")


_SETTINGS = """theme = "nord"
[keys]
"chat.search" = "ctrl+r"
"chat.quit" = "ctrl+q, f10"
"chat.new" = "ctrl+n"
"""


def settings(rng: Rng, sources: Sources) -> Mutant:
    names = (
        "theme",
        "keys",
        '"chat.search"',
        '"chat.new"',
        '"screen.x"',
        '"+"',
        '""',
        "x",
        "keys.a",
    )
    return Mutant(mutate.toml_text(rng, _SETTINGS, names), ".toml")


def imports(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.json_text(rng, json.loads(_exported())), ".json")


@cache
def _exported() -> str:
    from localcollab.history import open_history

    with open_history(None) as history:
        return history.export_json(_filled(history))


def _filled(history: object) -> str:
    from localcollab.history import History
    from stored_answers import add_answer, add_turn

    assert isinstance(history, History)
    id_ = history.create(title="The inner tin", system="Be short.", team="medicine").id
    add_turn(history, id_, "What is a tin?", "A tin is a box made of metal, most of the time.")
    answer = add_turn(history, id_, "And the inner one?", "The inner tin stands in the outer tin.")
    asked = history.edit_question(history.branch(id_)[-2].id, "And the outer one?")
    add_answer(history, asked.id, "It holds the inner one. 🥫")
    history.select(answer)
    return id_


def histories(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(mutate.database(rng, _history(sources.folder), sources.folder), ".sqlite3")


@cache
def _history(folder: Path) -> bytes:
    from localcollab.history import open_history

    path = folder / "sound-history.sqlite3"
    with open_history(path) as history:
        for _ in range(4):
            _filled(history)
    return path.read_bytes()


def collections(rng: Rng, sources: Sources) -> Mutant:
    sound = pick(rng, _collections(sources.folder))
    return Mutant(mutate.database(rng, sound, sources.folder), ".sqlite3")


@cache
def _collections(folder: Path) -> tuple[bytes, bytes]:
    """Searched by words, and by the vectors of an encoder that is gone."""
    import sqlite3

    from document_files import docx
    from localcollab.documents.collection import Collection

    texts = folder / "texts"
    texts.mkdir()
    for n in range(4):
        lines = "".join(
            f"# Part {m}\nThe inner tin {n} of {m}, and the outer one.\n\n" for m in range(30)
        )
        (texts / f"{n}.md").write_text(lines)
    (texts / "w.docx").write_bytes(docx("<w:p><w:r><w:t>Some text.</w:t></w:r></w:p>"))
    path = folder / "sound-collection.sqlite3"
    with Collection(path) as collection:
        collection.add([texts])
    words = path.read_bytes()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "INSERT INTO embeddings(path, sha256, before_query, before_passage) VALUES (?, ?, '', '')",
            (b"/nowhere.gguf", SHA_BASE),
        )
        for (id_,) in connection.execute("SELECT id FROM passages").fetchall():
            values = np.full(8, 0.35, np.float16).tobytes()
            connection.execute("INSERT INTO vectors VALUES (?, ?)", (id_, values))
    connection.close()
    return words, path.read_bytes()


def archives(rng: Rng, sources: Sources) -> Mutant:
    def change(rng: Rng, name: str, content: bytes) -> bytes:
        return (
            mutate.json_text(rng, json.loads(content))
            if name == "manifest.json"
            else mutate.flip(rng, content)
        )

    return Mutant(mutate.tar(rng, _archive(sources.folder), change), ".tar")


@cache
def _archive(folder: Path) -> bytes:
    from localcollab.archives.archive import export_team

    here = folder / "archive"
    here.mkdir()
    for name in ("a.gguf", "b.gguf", "lora.gguf", "h.safetensors"):
        (here / name).write_bytes(b"content of " + name.encode())
    catalog = here / "models.toml"
    head, _, team = CATALOG.partition("[models.b]")
    team = team[team.index("[models.tuned]") : team.index("[teams.c]")]
    entries = head.replace('default = "t"\n', "") + '[models.b]\npath = "b.gguf"\nlicence = "x"\n'
    team = team.replace('[bridges.br]\npath = "b.safetensors"\n', "").replace(
        '[mixtures.m]\npath = "m.json"\n', ""
    )
    catalog.write_text(
        entries + team.replace('weights_of = "a"', 'weights_of = "a"\nlicence = "y"')
    )
    export_team("t", here / "t.tar", (catalog,))
    return (here / "t.tar").read_bytes()


def documents(rng: Rng, sources: Sources) -> Mutant:
    """A format first, then one of its documents."""
    by_suffix = _documents(sources.corpus)
    suffix = pick(rng, list(by_suffix))
    data = pick(rng, by_suffix[suffix])
    return Mutant(_damaged(rng, suffix, data), suffix)


_WORDS: dict[str, tuple[bytes, ...]] = {
    ".html": (b"<table>", b"<tr>", b"<td colspan=9999 rowspan=9999>", b"<td>", b"</table>", b"<p>",
              b"<div>",
              b"<!--", b"-->", b"<script>", b"</script>", b"<pre>", b"<li>", b"<h1>", b"&#x110000;",
              b"&amp",
              b"<", b"</", b"<a href='", b"<![CDATA[", b"<!doctype", b"<plaintext>", b"<template>",
              b"<svg>",
              b"<meta charset=utf-16>", b"\0", b"<title>", b"<th>", b"<caption>", b"<select>"),
    ".rtf": (b"{", b"}", b"\\'", b"\\u-1?", b"\\u55357?", b"\\uc9 ", b"\\bin9999999 ", b"\\bin-5 ",
             b"\\trowd",
             b"\\cellx99999999", b"\\cell", b"\\row", b"\\nestrow", b"\\nestcell", b"\\itap999 ",
             b"\\clvmrg",
             b"{\\*\\x ", b"{\\fonttbl", b"\\f99 ", b"\\fcharset255 ", b"\\ansicpg99999 ", b"\\upr",
             b"\\par",
             b"{\\footnote ", b"{\\header ", b"{\\field{\\*\\fldinst x}", b"\\", b"\\clmgf", b"\\intbl",
             b"\\~"),
    ".csv": (b'"', b'""', b",", b";", b"\t", b"|", b"\r", b"\n", b"sep=;\n", b"\0", b"'", b"\xff\xfe",
             b"\xef\xbb\xbf"),
    ".eml": (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"Content-Type: message/rfc822\n\n",
             b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n",
             b"\n\n", b"\n--",
             b"Content-Type: text/html; charset=utf-7\n", b"charset=idna", b"charset*=x''%zz",
             b"=?utf-8?q?=zz?=",
             b"=?x?b?!?=", b"Subject:", b"From:", b"filename*0*=a", b"name=x.docx", b"Content-Type: ;;\n",
             b"Content-Type: application/zip\n", b"boundary=\"\"", b"Date: 99\n", b"begin 644 x\n",
             b"<@>", b":"),
    ".pdf": (b"<<", b">>", b"[", b"]", b"1 0 R", b"4 0 R", b"5 0 R", b"(", b")", b"/Kids", b"/Parent",
             b"/Contents",
             b"/Filter /FlateDecode", b"/Filter /LZWDecode", b"/Filter /ASCII85Decode",
             b"/Filter /ASCIIHexDecode",
             b"/Filter [/RunLengthDecode /FlateDecode]", b"stream\n", b"endstream", b"endobj", b"null",
             b"Tj", b"TJ",
             b"/DecodeParms << /Predictor 15 /Columns 99999999 >>", b"/ToUnicode 5 0 R",
             b"/Encoding /Identity-H",
             b"q", b"cm", b"Do", b"/Type0", b"/Outlines", b"/First", b"/Next", b"BI", b"ID", b"EI",
             b"%", b"<", b">"),
    ".ipynb": (b"{", b"}", b"[", b"null"),
    ".md": (b"#", b"```", b"~~~", b"---\n", b"|", b"\n", b"\t", b">", b"\0", b"\xff"),
    ".rst": (b"====\n", b"::\n", b"..", b"\n", b"|", b"+---+"),
}  # fmt: skip
_ZIPPED = (".docx", ".odt", ".ods", ".odp", ".xlsx", ".pptx", ".epub")


def _damaged(rng: Rng, suffix: str, data: bytes) -> bytes:
    if rng.random() < 0.06:
        return mutate.flip(rng, data)
    if suffix in _ZIPPED:
        return mutate.archive(rng, data)
    if suffix == ".ipynb" and rng.random() < 0.8:
        return mutate.json_text(rng, json.loads(data))
    if suffix == ".msg":
        return _damaged_message(rng, data)
    if suffix == ".html" and rng.random() < 0.4:
        return mutate.xml(rng, data)
    if suffix == ".pdf" and rng.random() < 0.2:
        return mutate.flip(rng, data)
    return mutate.tokens(
        rng, data, _WORDS.get({".mbox": ".eml", ".svg": ".html"}.get(suffix, suffix), ())
    )


def _damaged_message(rng: Rng, data: bytes) -> bytes:
    """Its tables (32-bit fields of header, FAT and directory), or what stands in its streams."""
    if rng.random() < 0.5:
        return _message(rng)
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = 4 * int(rng.integers(8, len(found) // 4))
        odd = (0, 1, 2, 5, 2**31, 2**32 - 1, 2**32 - 2, 2**32 - 3, 4096, 64, at // 512)
        found[at : at + 4] = int(pick(rng, odd)).to_bytes(4, "little")
    return bytes(found)


def _message(rng: Rng) -> bytes:
    from ole_files import message, ole

    texts: dict[int, str | bytes] = {
        0x37: "Subject", 0x0C1A: "Anna", 0x1000: "Plain text.", 0x0E04: "Bruno", 0x0C1F: "a@example.org",
    }  # fmt: skip
    html = pick(rng, _documents(None)[".html"])
    texts[0x1013] = _damaged(rng, ".html", html)
    rtf = pick(rng, _documents(None)[".rtf"])
    head = len(rtf) + 12, len(rtf) + int(pick(rng, (0, 1, 2**30)))
    magic = b"MELA" if rng.random() < 0.5 else b"LZFu"
    packed = b"".join(n.to_bytes(4, "little") for n in head) + magic + rng.bytes(4)
    texts[0x1009] = packed + (rtf if magic == b"MELA" else rng.bytes(int(rng.integers(1, 400))))
    for number in list(texts):
        if rng.random() < 0.3:
            texts[number] = pick(rng, ("", "\0", "x" * 5000, b"\xff\xfe", b"", rng.bytes(40)))
        if rng.random() < 0.2:
            del texts[number]
    suffix = pick(rng, [each for each in _documents(None) if each != ".msg"])
    attached = {"a" + suffix: _damaged(rng, suffix, pick(rng, _documents(None)[suffix]))}
    return ole(message(texts, attached))


@cache
def _documents(corpus: Path | None) -> dict[str, list[bytes]]:
    from document_corpus import mail, written_by_hand

    found: dict[str, list[bytes]] = {}
    for made in (*written_by_hand(), *mail()):
        found.setdefault(Path(made.name).suffix, []).append(made.data)
    for path in sorted(corpus.iterdir()) if corpus else []:
        found.setdefault(path.suffix, []).append(path.read_bytes())
    for suffix, make in _MORE.items():
        found.setdefault(suffix, []).append(make())
    return found


def _odf(kind: str) -> bytes:
    from document_files import zipped
    from table_files import as_odt

    body = as_odt([["Item", "Owner"], ["Paint", "Okafor"], ["Brush", ""]], [(1, 0, 1, 2)])
    if kind == "text":
        return body
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        content = archive.read("content.xml").replace(
            b"office:text>", b"office:%s>" % kind.encode()
        )
    if kind == "presentation":
        content = content.replace(
            b"<table:table>", b"<draw:page xmlns:draw='d'><table:table>"
        ).replace(b"</table:table>", b"</table:table></draw:page>")
    else:
        content = content.replace(b"<table:table>", b'<table:table table:name="Data">')
    return zipped(
        {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}
    )


def _workbook() -> bytes:
    """Dates, shares, formulas, flags and text of every kind, counted from 1904."""
    import io
    import zipfile

    from document_files import xlsx, zipped

    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts><cellXfs>'
        '<xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="46"/><xf numFmtId="20"/>'
        "</cellXfs>"
    )
    cells = (
        '<c t="inlineStr"><is><r><t>rich </t></r><rPh><t>ri</t></rPh></is></c><c s="1"><v>45356</v></c>'
        '<c s="2"><v>0.5</v></c><c s="3"><v>1.5</v></c><c s="4"><v>0.75</v></c><c t="b"><v>1</v></c>'
        '<c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>made</v></c><c><f>1+2</f></c>'
    )
    data = xlsx(
        {"One": [["Name", "Rent"], ["Anna", "512"]], "Two": [["x"]]}, [(0, 0, 1, 2)], cells, styles
    )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    book = parts["xl/workbook.xml"]
    assert isinstance(book, bytes)
    parts["xl/workbook.xml"] = book.replace(b"<sheets>", b'<workbookPr date1904="1"/><sheets>')
    return zipped(parts)


def _mailbox() -> bytes:
    from document_corpus import mail

    return b"".join(b"From a Mon Jan  1 00:00:00 2029\n" + made.data + b"\n\n" for made in mail())


def _attached() -> bytes:
    """Mail with a document of several kinds in it, and mail in mail."""
    from document_files import pdf
    from table_files import as_rtf

    message = EmailMessage()
    message["Subject"], message["From"] = "Größe", "Anna <anna@example.org>"
    message.set_content("See below.")
    message.add_alternative("<p>See <b>below</b>.</p>", subtype="html")
    message.add_attachment(pdf(["A page."]), "application", "pdf", filename="p.pdf")
    message.add_attachment(as_rtf([["a", "b"]]), "application", "rtf", filename="größe.rtf")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("x")
    outer.add_attachment(message)
    return outer.as_bytes()


_MORE: dict[str, Callable[[], bytes]] = {
    ".odt": lambda: _odf("text"),
    ".ods": lambda: _odf("spreadsheet"),
    ".odp": lambda: _odf("presentation"),
    ".xlsx": _workbook,
    ".mbox": _mailbox,
    ".eml": _attached,
    ".md": lambda: (
        b"---\nx: y\n---\n# One\nText *a*.\n\n## Two\n```py\nx = 1\n```\n"
        b"| a | b |\n|---|---|\n| 1 | 2 |\n"
    ),
    ".rst": lambda: b"Title\n=====\n\nText::\n\n  code\n\nSub\n---\n\n.. note:: x\n",
    ".py": lambda: (
        b"import x\n\n\nclass A:\n    def f(self):\n        return 1\n\n\ndef g():\n    pass\n"
    ),
    ".txt": lambda: "Łódź, Москва and Αθήνα cost the same.\n\nTwo.".encode("utf-16"),
    ".svg": lambda: b"<svg><title>x</title><text x='1'>Some <tspan>text</tspan></text></svg>",
}

KINDS: dict[str, Make] = {
    make.__name__: make
    for make in (
        heads, bridges, rankers, mixtures, catalogues, settings, imports, archives, histories,
        collections,
        documents,
    )
}  # fmt: skip
