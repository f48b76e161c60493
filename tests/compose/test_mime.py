import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st

from digest.compose import mime

lines = st.text(st.characters(exclude_characters="\0\4\5\r", exclude_categories=("Cs",)), max_size=200)


@given(
    st.lists(
        st.one_of(
            lines, st.sampled_from(["From me", ".", "..", "...From From ", "\n.\n", "x" * 75 + ".y", " "])
        )
    )
)
def test_block_decodes_to_its_text(texts: list[str]) -> None:
    text = "\n".join(texts)
    encoded = mime.quoted_printable(text)
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == text.rstrip("\n") + "\n"


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=300))
@example("x" * 75 + " \nx")
def test_block_is_safe_on_the_wire(text: str) -> None:
    """Lines of at most 76 octets, CRLF only, none starts with a dot or `From `."""
    encoded = mime.quoted_printable(text)
    assert encoded.endswith(b"\r\n")
    bare = encoded.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))


@given(st.lists(st.tuples(lines, lines), max_size=4), st.text(st.sampled_from("ab .\n=é"), max_size=100))
def test_slots_are_filled_as_if_they_had_never_been(texts: list[tuple[str, str]], value: str) -> None:
    block = "".join(before + mime.ABSTRACT + after for before, after in texts) + "end"
    encoded = mime.fill(mime.cut(block), {mime.ABSTRACT: value})
    plain = mime.quoted_printable(block.replace(mime.ABSTRACT, value))
    assert quopri.decodestring(encoded) == quopri.decodestring(plain)
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert not any(line.startswith((b".", b"From ")) for line in encoded.split(b"\r\n"))


@given(st.lists(st.text(st.sampled_from("\6\7\n. =éF"), max_size=90), max_size=9), lines)
def test_lines_with_slots_are_encoded_as_if_they_had_never_had_any(texts: list[str], value: str) -> None:
    text, slots = "From ".join(texts) + "end", {"\6": re.sub("[\2\6\7\n]", "", value), "\7": "x" * 70}
    whole = text.replace("\6", slots["\6"]).replace("\7", slots["\7"]).split("\n")
    encoded = b"".join(mime.quoted_printable(line) if line else b"\r\n" for line in whole)
    assert mime.fill_lines(mime.cut_lines(text), slots) == encoded


@given(lines, lines)
def test_token_of_any_reader_stands_between_any_texts(before: str, after: str) -> None:
    encoded = mime.quoted_printable(before + mime.TOKEN + after + "end")
    filled = encoded.replace(b"\0", b"t" * 66)
    assert quopri.decodestring(filled).decode().replace("\r\n", "\n") == f"{before}{'t' * 66}{after}end\n"
    assert max(map(len, filled.split(b"\r\n"))) <= 76


def test_token_of_any_reader_fits() -> None:
    encoded = mime.quoted_printable("x" * 70 + mime.TOKEN + "?like=1 " + mime.TOKEN)
    filled = encoded.replace(b"\0", b"t" * 66)
    assert max(map(len, filled.split(b"\r\n"))) <= 76
    assert quopri.decodestring(filled) == b"x" * 70 + b"t" * 66 + b"?like=1 " + b"t" * 66 + b"\r\n"


def test_smuggling_sequences_come_out_as_text() -> None:
    for end in ("\n.\n", "\r.\r", "\r\n.\r", "\n.\r\n"):
        encoded = mime.quoted_printable(f"hello{end}MAIL FROM:<a@b>")
        assert b"\r\n.\r\n" not in encoded
        assert b"\n." not in encoded


def test_boundary_follows_from_the_message_id() -> None:
    assert mime.boundary("<1@x>") == mime.boundary("<1@x>") != mime.boundary("<2@x>")
