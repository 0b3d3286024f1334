"""Sound files of every kind, made once for a run, and the mutants of them."""

import json
from functools import cache
from pathlib import Path

import numpy as np

import fuzz_containers as containers
import fuzz_mutations as mutate
from fuzz_documents import documents
from fuzz_kinds import Make, Mutant, Sources
from fuzz_mutations import Rng, pick

SHA_BASE, SHA_EXPERT, VOCABULARY = "a" * 64, "b" * 64, "c" * 64
N_EMBD = 32


def heads(rng: Rng, sources: Sources) -> Mutant:
    return Mutant(
        containers.tensors(rng, _heads(sources.folder)[int(rng.integers(2))]), ".safetensors"
    )


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
    return Mutant(containers.tensors(rng, pick(rng, _bridges(sources.folder))), ".safetensors")


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
    return Mutant(containers.tensors(rng, _ranker(sources.folder)), ".safetensors")


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
    return Mutant(containers.database(rng, _history(sources.folder), sources.folder), ".sqlite3")


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
    return Mutant(containers.database(rng, sound, sources.folder), ".sqlite3")


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

    return Mutant(containers.tar(rng, _archive(sources.folder), change), ".tar")


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


KINDS: dict[str, Make] = {
    make.__name__: make
    for make in (
        heads, bridges, rankers, mixtures, catalogues, settings, imports, archives, histories,
        collections,
        documents,
    )
}  # fmt: skip
