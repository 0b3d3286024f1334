"""The child process in which a chat template runs; `template` is its only user.

A template is a program by a stranger. jinja2's sandbox keeps it from reaching Python's internals,
but not from hanging or eating memory inside one C call (`'a' * 10**10`, comparing nested tuples),
which no thread of the same process can interrupt. So it runs here, where it can be killed.

Speaks JSON lines on its standard streams: `{"ready": true}`, then one answer per request. Its memory
is limited by who starts it. Started by path, not as a module, so it must import nothing of localcollab.
"""

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any


class Refused(Exception):
    """The template called raise_exception."""


def serve(memory_bytes: int) -> None:
    """Answer requests until standard input ends. `memory_bytes`: the limit, to be named in an error."""
    import jinja2.ext
    import jinja2.sandbox  # noqa: F401 - loaded before the first request's time begins

    # Ctrl-C in a terminal reaches the whole process group; stopping is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print('{"ready": true}', flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(line, memory_bytes)), flush=True)


def _answer(line: str, memory_bytes: int) -> dict[str, str]:
    from jinja2 import TemplateSyntaxError

    try:
        request = json.loads(line)
        with _time_limit(request["seconds"]):
            return {"text": _render(request["source"], request["variables"], request["max_chars"])}
    except Refused as refusal:
        return {"refused": str(refusal)}
    except TemplateSyntaxError as error:
        return {"broken": f"syntax error in line {error.lineno}: {error.message}"}
    except MemoryError:
        return {"broken": f"it needs more than {memory_bytes // 1024**2} MB of memory"}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Die by the default action of SIGALRM should the parent be gone and this render be endless."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _render(source: str, variables: Mapping[str, Any], max_chars: int) -> str:
    chunks, n_chars = [], 0
    for chunk in _compile(source).generate(**variables):
        n_chars += len(chunk)
        if n_chars > max_chars:
            raise ValueError(f"it writes more than {max_chars} characters")
        chunks.append(chunk)
    return "".join(chunks)


@lru_cache(maxsize=1)
def _compile(source: str) -> Any:
    """The environment of transformers' apply_chat_template, rule for rule."""
    from jinja2.ext import LoopControlExtension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_generation_tag(), LoopControlExtension],
    )
    environment.filters["tojson"] = _tojson
    environment.globals |= {
        "raise_exception": _raise_exception,
        "strftime_now": lambda format: datetime.now().strftime(format),
        "dict": _Dict(),
        "namespace": _namespace(),
    }
    return environment.from_string(source)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # jinja2's own escapes HTML, which no model was trained on.
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: object) -> None:
    raise Refused(message)


class _Dict:
    """`dict` without its class attributes, which lead out of the sandbox."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


def _generation_tag() -> Any:
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser

    class GenerationTag(Extension):
        """`{% generation %}...{% endgeneration %}` marks answers for training; here just text."""

        tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

        def _write(self, caller: Any) -> Any:
            return caller()

    return GenerationTag


def _namespace() -> Any:
    from jinja2.exceptions import SecurityError
    from jinja2.utils import Namespace

    def check(name: object) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise SecurityError(f"a namespace holds no underscore names, but got {name!r}")

    class PublicNamespace(Namespace):
        """No underscore names: dunders lead out of the sandbox."""

        def __init__(*args: Any, **kwargs: Any) -> None:
            # No named self, so that a template may write namespace(self=1).
            attributes = dict(*args[1:], **kwargs)
            for name in attributes:
                check(name)
            Namespace.__init__(args[0], attributes)

        def __setitem__(self, name: str, value: Any) -> None:
            check(name)
            super().__setitem__(name, value)

    return PublicNamespace


if __name__ == "__main__":
    serve(int(sys.argv[1]))
