"""Model files in numbered parts: opened by the first, hashed over all, and refused where one is wrong."""

import hashlib
from pathlib import Path

import pytest

from localcollab.errors import BadModelFile
from localcollab.llama.header import read_beginning, read_header
from localcollab.llama.options import Options
from localcollab.llama.probe import file_sha256, probe
from localcollab.storage.parts import part_names, part_of, real_path, size_on_disk
from small_gguf import I32, U16, Gguf, in_parts, small_llama

MODEL = small_llama()


def write(folder: Path, parts: list[bytes], stem: str = "m") -> Path:
    paths = [folder / f"{stem}-{n:05}-of-{len(parts):05}.gguf" for n in range(1, len(parts) + 1)]
    for path, data in zip(paths, parts, strict=True):
        path.write_bytes(data)
    return paths[0]


def test_the_name_of_a_part_tells_of_the_others() -> None:
    assert part_of("a/m-00002-of-00003.GGUF") == (2, 3)
    assert part_names("m-00002-of-00002.gguf") == ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")
    for whole in ("m.gguf", "m-00001-of-00001.gguf", "m-1-of-3.gguf", "m-00001-of-00003.bin"):
        assert (part_of(whole), part_names(whole)) == (None, (whole,))


def test_a_header_has_the_tensors_of_all_parts(tmp_path: Path) -> None:
    first = write(tmp_path, in_parts(MODEL, 3))
    header = read_header(first)
    assert [tensor.name for tensor in header.tensors] == [entry.name for entry in MODEL.entries]
    assert header.size_bytes == size_on_disk(first) == sum(
        path.stat().st_size for path in tmp_path.iterdir()
    )  # fmt: skip


def test_the_hash_is_that_of_all_parts_in_order(tmp_path: Path) -> None:
    parts = in_parts(MODEL, 2)
    assert file_sha256(write(tmp_path, parts)) == hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_link_to_a_part_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"x")
    (tmp_path / "m-00001-of-00002.gguf").symlink_to(tmp_path / "blob")
    assert real_path(tmp_path / "m-00001-of-00002.gguf").name == "m-00001-of-00002.gguf"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda first: first.with_name("m-00002-of-00003.gguf").unlink(),
         "its part m-00002-of-00003.gguf is missing: put all 3 parts into one folder"),
        (lambda first: first.with_name("m-00003-of-00003.gguf").write_bytes(b"GGUF"),
         "m-00003-of-00003.gguf: 4 bytes, too short"),
        (lambda first: first.with_name("m-00003-of-00003.gguf").write_bytes(
            first.with_name("m-00002-of-00003.gguf").read_bytes()), "is part 1 .from 0. of 3 and not"),
        (lambda first: first.write_bytes(small_llama().to_bytes()), "is part 0 .from 0. of 1 and not"),
    ],
)  # fmt: skip
def test_parts_that_do_not_belong_together_are_refused(
    damage: object, complaint: str, tmp_path: Path
) -> None:
    first = write(tmp_path, in_parts(MODEL, 3))
    damage(first)  # type: ignore[operator]
    with pytest.raises(BadModelFile, match=complaint):
        read_header(first)


def test_another_part_than_the_first_names_the_first(tmp_path: Path) -> None:
    first = write(tmp_path, in_parts(MODEL, 2))
    with pytest.raises(
        BadModelFile, match=r"is one of 2 parts: name the first, m-00001-of-00002.gguf"
    ):
        read_header(first.with_name("m-00002-of-00002.gguf"))


def test_a_part_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(in_parts(MODEL, 2)[0])
    with pytest.raises(BadModelFile, match=r"name the parts NAME-00001-of-00003.gguf"):
        read_header(tmp_path / "m.gguf")


def test_the_same_tensor_in_two_parts_is_refused(tmp_path: Path) -> None:
    parts = in_parts(MODEL, 2)
    twice = Gguf((), MODEL.entries[:1], MODEL.data[: MODEL.entries[1].offset])
    twice = twice.with_key("split.no", U16, 1).with_key("split.count", U16, 2)
    parts[1] = twice.with_key("split.tensors.count", I32, 3).to_bytes()
    with pytest.raises(BadModelFile, match="two of its parts hold the same tensor"):
        read_header(write(tmp_path, parts))


@pytest.mark.weights
def test_a_model_in_parts_is_probed_and_writes_what_the_whole_writes(tmp_path: Path) -> None:
    from localcollab.llama.context import LlamaModel
    from localcollab.llama.weights import load_weights

    first = write(tmp_path, in_parts(MODEL, 3))
    (tmp_path / "whole.gguf").write_bytes(MODEL.to_bytes())
    rows = []
    for path in (first, tmp_path / "whole.gguf"):
        verdict = probe(path)
        weights = load_weights(path, Options(), extra_buffers=verdict.extra_buffers)
        model = LlamaModel(weights, Options(n_ctx=64), name="m")
        rows.append(model.read([3, 4, 5]).logits.tolist())
        model.close()
    assert rows[0] == rows[1]


def test_the_beginning_of_a_file_tells_what_its_cache_takes() -> None:
    start = MODEL.header()[:500]
    header = read_beginning(Path("m.gguf"), start)
    assert header.kv_bytes_per_token(2) == 2 * 2 * (8 + 8) * 2  # layers, heads, widths, bytes
    with pytest.raises(BadModelFile, match="not with 'GGUF'"):
        read_beginning(Path("m.gguf"), b"<html>" + start)
