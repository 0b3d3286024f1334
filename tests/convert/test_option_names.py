"""The library names parameters; each command of `convert` shows its own options in their place."""

import pytest

from localcollab.errors import BadOption
from localcollab_convert.cli import app

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "a.gguf", "--against", "b.gguf", "--tokens", "1"], "--tokens is 1: give"),
        (["verify", "a.gguf", "--against", "b.gguf", "--expert", "c"], "--expert needs --write-head"),
        (["imatrix", "a.gguf", "--text", "t", "--out", "m.gguf", "--tokens", "3"], "--tokens is 3:"),
        (["model", "a.gguf", "--type", "Q9"], "--type has Q9"),
        (["lora", "peft", "--base", ".", "--out", "a.bin"], "--out is a.bin: give a name"),
        (["expert", "--docs", "papers"], "--base is missing"),
    ],
)  # fmt: skip
def test_an_error_names_the_option(words: list[str], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        app(words, standalone_mode=False)
    assert str(caught.value).startswith(message)
