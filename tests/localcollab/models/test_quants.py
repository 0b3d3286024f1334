"""Which file of a repository is meant, and what a hub's answer may say."""

import pytest

from localcollab.errors import BadOption
from localcollab.models.hub import HubFile, Repository, read_answer
from localcollab.models.quants import choose, quant_of


def repository(*names: str) -> Repository:
    return Repository("o/n", tuple(HubFile(name, 2**20) for name in names))


@pytest.mark.parametrize(
    ("file", "quant"),
    [
        ("m-Q4_K_M.gguf", "Q4_K_M"),
        ("m.q8_0.gguf", "Q8_0"),
        ("sub/M-UD-IQ2_XXS.GGUF", "IQ2_XXS"),
        ("m-fp16.gguf", "F16"),
        ("m-BF16.gguf", "BF16"),
        ("m-f32-Q4_0.gguf", "Q4_0"),
        ("Q4_K_M/plain.gguf", None),
        ("m-Q4.gguf", None),
    ],
)
def test_a_quantization_is_read_from_a_files_name(file: str, quant: str | None) -> None:
    assert quant_of(file) == quant


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        (["a-Q8_0.gguf", "a-Q4_K_M.gguf", "a-Q2_K.gguf"], None, "a-Q4_K_M.gguf"),
        (["a-Q8_0.gguf", "a-Q4_1.gguf", "a-Q2_K.gguf"], None, "a-Q4_1.gguf"),
        (["a-F16.gguf", "a-Q8_0.gguf"], None, "a-Q8_0.gguf"),
        (["any.gguf"], None, "any.gguf"),
        (["any.gguf", "mmproj-any-F16.gguf", "imatrix.gguf"], None, "any.gguf"),
        (["a-Q8_0.gguf", "a-Q4_K_M.gguf"], "q8_0", "a-Q8_0.gguf"),
        (["a-Q8_0.gguf", "b-Q8_0.gguf"], "b-Q8_0.gguf", "b-Q8_0.gguf"),
        (["a-Q4_K_M-00001-of-00002.gguf", "a-Q4_K_M-00002-of-00002.gguf", "a-Q2_K.gguf"], "Q2_K",
         "a-Q2_K.gguf"),
        (["s/a-Q4_K_M-00001-of-00002.gguf", "s/a-Q4_K_M-00002-of-00002.gguf"], None,
         "s/a-Q4_K_M-00001-of-00002.gguf"),
        (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], "a-00002-of-00002.gguf",
         "a-00001-of-00002.gguf"),
    ],
)  # fmt: skip
def test_the_usual_file_is_chosen_or_the_one_that_is_named(
    names: list[str], wanted: str | None, chosen: str
) -> None:
    assert choose(repository(*names), wanted).name == chosen


@pytest.mark.parametrize(
    ("names", "wanted", "says"),
    [
        ([], None, r"^o/n holds no GGUF file: look for"),
        (["a-Q4_K_M.gguf", "b-Q4_K_M.gguf"], None,
         r"^o/n holds 2 files of Q4_K_M: name one as o/n:FILE, of a-Q4_K_M.gguf \(1.0 MiB\), b-Q4"),
        (["a.gguf", "b.gguf"], None, r"does not name its files' quantizations: .* a.gguf \(1.0 MiB\)"),
        (["a-Q8_0.gguf"], "Q5_K_M", r"holds no file of Q5_K_M: name one as o/n:FILE, of a-Q8_0.gguf"),
        (["a-Q8_0.gguf"], "c.gguf", r"holds no c.gguf: name one"),
        (["a-Q4_K_M-00001-of-00003.gguf", "a-Q4_K_M-00003-of-00003.gguf"], None,
         r"is one of 3 parts, and a-Q4_K_M-00002-of-00003.gguf is not there"),
        ([f"{k}-Q8_0.gguf" for k in range(30)], "Q2_K", r"and 18 more$"),
    ],
)  # fmt: skip
def test_what_is_not_one_whole_file_is_refused_with_the_choices(
    names: list[str], wanted: str | None, says: str
) -> None:
    with pytest.raises(BadOption, match=says) as refused:
        choose(repository(*names), wanted)
    assert "\n" not in str(refused.value)


def test_an_answers_gguf_files_are_read_and_odd_ones_left_out() -> None:
    names = ["b.gguf", "sub/a.gguf", "../up.gguf", "/etc/x.gguf", "a/../b.gguf", "a\\b.gguf",
             "line\nbreak.gguf", "README.md", "./c.gguf", "x" * 300 + ".gguf"]  # fmt: skip
    answer = {
        "siblings": [{"rfilename": name, "size": 7} for name in names],
        "cardData": {"license": ["odd"]},
        "tags": ["gguf", 3, "license:mit"],
        "gguf": {"total": 8, "context_length": "many"},
    }
    files = (HubFile("b.gguf", 7), HubFile("sub/a.gguf", 7))
    assert read_answer("o/n", answer) == Repository("o/n", files, "mit", 8, None)


def test_what_a_hub_says_of_a_file_is_checked() -> None:
    good = {"sha256": "a" * 64, "size": 9}
    odd = {"sha256": "../x", "size": -1}
    answer = {
        "siblings": [
            {"rfilename": "good.gguf", "size": 3, "lfs": good},
            {"rfilename": "odd.gguf", "lfs": odd},
        ],
    }
    assert read_answer("o/n", answer).files == (
        HubFile("good.gguf", 9, "a" * 64),
        HubFile("odd.gguf"),
    )
