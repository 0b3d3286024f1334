"""Random bytes: text of every Unicode plane, bytes that are no characters, and cut characters."""

from hypothesis import strategies as st

PLANES = [st.characters(min_codepoint=n << 16, max_codepoint=(n << 16) + 0xFFFF) for n in range(17)]


def any_bytes(max_bytes: int) -> st.SearchStrategy[bytes]:
    """At most so many; a character may be cut at either end."""
    characters = st.one_of(*PLANES, st.sampled_from("é日本😀 the\r\n\x04\x00\ufeff\u200d\u0301"))
    encodable = characters.filter(lambda c: not "\ud800" <= c <= "\udfff")
    texts = st.lists(encodable, max_size=max_bytes).map(lambda cs: "".join(cs).encode())
    parts = st.one_of(texts, st.binary(max_size=max_bytes))
    joined = st.lists(parts, max_size=3).map(b"".join)
    return st.tuples(joined, st.integers(0, 3)).map(lambda cut: cut[0][cut[1] :][:max_bytes])
