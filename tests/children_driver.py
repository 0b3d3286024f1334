"""Starts one kind of child process in the way the program does, and waits for it: to be killed meanwhile.

    python children_driver.py KIND FOLDER ENDLESS_MODEL

ENDLESS_MODEL is a file that llama.cpp does not finish opening, see `reversed_rwkv`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def probe(folder: Path, model: Path) -> None:
    from localcollab.llama.probe import probe

    probe(model, again=True)


def forecast(folder: Path, model: Path) -> None:
    from localcollab.llama.forecast import PlannedContext, forecast
    from localcollab.llama.options import Options

    forecast([PlannedContext(f"base {n}", model) for n in range(5000)], Options(), free=None)


def template(folder: Path, model: Path) -> None:
    from localcollab.chat.template import ChatTemplate, Message

    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    ChatTemplate(endless, seconds=60).render([Message("user", "x")])


def template_in_one_call(folder: Path, model: Path) -> None:
    """A C call that holds the interpreter's lock: no thread of the child can run."""
    from localcollab.chat.template import ChatTemplate, Message

    ChatTemplate("{{ 9 ** (9 ** 9) }}", seconds=60).render([Message("user", "x")])


def parsing(folder: Path, model: Path) -> None:
    from localcollab.documents.parsing.limits import Limits
    from localcollab.documents.parsing.reader import Reader, Task

    path = folder / "endless.pdf"
    path.write_bytes(b"%PDF-1.4\n" + b"1 0 obj<</A 1>>endobj\n" * 1_000_000)
    with Reader(Limits()) as reader:
        while True:
            list(reader.read([Task(path)]))


def ocr(folder: Path, model: Path) -> None:
    """And the programs that it starts, of which one never ends."""
    import os

    from localcollab.documents.parsing.ocr import PageLimits, read_pictures
    from localcollab.documents.parsing.reader import Parsed

    for name, line in (("pdftoppm", "echo drawn"), ("tesseract", "while true; do :; done")):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    os.environ["PATH"] = str(folder)
    scan = Parsed("empty", "", "pdf", "", 0, pictures=((1, ""),))
    read_pictures(folder / "scan.pdf", scan, "eng", PageLimits(seconds=600))


def contender(folder: Path, model: Path) -> None:
    """And the probe that it starts in its turn."""
    from localcollab.catalog import load_catalog
    from localcollab.evaluation.compare import Asked, compare_contenders, contenders

    data = folder / "questions.jsonl"
    data.write_text(
        '{"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "x"}]}\n'
    )
    catalog = _catalog(folder, model)
    asked = Asked((catalog,), (data,))
    compare_contenders(asked, contenders(load_catalog(catalog), ["one"], []), lambda text: None)


def bench_memory(folder: Path, model: Path) -> None:
    from localcollab.bench.memory import peak_memory
    from localcollab.bench.startup import TeamArguments

    peak_memory(TeamArguments("one", (_catalog(folder, model),)))


def bench_first_token(folder: Path, model: Path) -> None:
    from localcollab.bench.startup import TeamArguments, first_token

    first_token(TeamArguments("one", (_catalog(folder, model),)))


def bench_of_convert(folder: Path, model: Path) -> None:
    from localcollab.bench.published import ask_child

    (folder / "endless_bench.py").write_text("while True:\n    pass\n")
    sys.path.insert(0, str(folder))
    ask_child("endless_bench", {})


def pip_download(folder: Path, model: Path) -> None:
    """From an index that accepts connections and never answers."""
    import os
    import socket

    from localcollab.models.converter import fetch_converter

    listening = socket.create_server(("127.0.0.1", 0))
    os.environ["PIP_INDEX_URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}/simple"
    os.environ |= {"PIP_CONFIG_FILE": os.devnull, "XDG_CACHE_HOME": str(folder), "PIP_NO_INDEX": ""}
    fetch_converter(lambda text: None, lambda doing: None)


def converter(folder: Path, model: Path) -> None:
    from localcollab_convert.model.converter import Converter, convert_model

    root = folder / "converter"
    root.mkdir()
    (root / "convert_hf_to_gguf.py").write_text(
        # It starts a process of its own, as a converter may.
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass'])\n"
    )
    convert_model(
        Converter(root), folder, folder / "out.gguf", file_type="f16", trust_tokenizer=None,
        on_progress=lambda text: None,
    )  # fmt: skip


def quantizer(folder: Path, model: Path) -> None:
    import json

    from localcollab_convert.staging import child
    from small_gguf import small_llama

    source = folder / "source.gguf"
    source.write_bytes(small_llama(n_embd=2048).to_bytes())
    request: dict[str, Any] = {
        "source": str(source), "out": str(folder / "out.gguf"), "type": "IQ3_S", "imatrix": None,
        "n_threads": 1, "provenance": {},
    }  # fmt: skip
    while True:
        child.run(
            "localcollab_convert.model.quantize_child", [json.dumps(request)], lambda line: None
        )


def _catalog(folder: Path, model: Path) -> Path:
    path = folder / "models.toml"
    path.write_text(
        f'[models.a]\npath = "{model}"\n[teams.one]\nmethod = "deferral"\nbase = "a"\n'
        'experts = ["a"]\ngate = "always"\n'
    )
    return path


KINDS: dict[str, Callable[[Path, Path], None]] = {
    kind.__name__: kind
    for kind in (
        probe, forecast, template, template_in_one_call, parsing, ocr, contender, bench_memory,
        bench_first_token, bench_of_convert, pip_download, converter, quantizer,
    )
}  # fmt: skip

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
