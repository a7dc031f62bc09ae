"""What somebody types, read: against a slow definition that looks at one letter at a time."""

import random
import unicodedata

import pytest

from datasel_core.errors import BadRequest
from datasel_core.runs.find import words


def slow_fold(text):
    """Unicode's own steps, on the whole text at once; another way than the table that is asked."""
    text = unicodedata.normalize("NFKC", text)
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(
        one for one in text if not (10 <= unicodedata.combining(one) <= 36 or unicodedata.combining(one) >= 200)
    )


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Red DRESS", "red dress"),
        ("Éclair", "eclair"),
        ("e\u0301clair", "eclair"),
        ("Straße", "strasse"),
        ("ПРИВЕТ, Ёлка", "привет, елка"),
        ("Ώρα", "ωρα"),
        ("Ａ１", "a1"),
        ("ﬁt", "fit"),
        ("が", "が"),
        ("ｶﾞ", "ガ"),
        ("각", "각"),
        ("हिन्दी", "हिन्दी"),
        ("北京", "北京"),
        ("शि", "शि"),
        ("\u0301", ""),
        ("İ", "i"),
    ],
)
def test_capitals_and_accents_go_letters_stay(text, folded):
    assert words.fold(text) == folded
    assert words.folded([text, "x", text]) == [folded, "x", folded]


def test_many_at_once_are_folded_as_each_alone():
    rng = random.Random(3)
    blocks = [
        (32, 127),
        (160, 0x250),
        (0x300, 0x530),
        (0x590, 0x700),
        (0x900, 0xA00),
        (0x1E00, 0x2000),
        (0x3040, 0x30FF),
    ]
    blocks += [(0xAC00, 0xAD00), (0xFB00, 0xFB07), (0xFF01, 0xFFA0), (0x1F300, 0x1F400)]
    texts = []
    for _ in range(2000):  # of one script each: a mark of another would change places with what a letter becomes
        block, plain = rng.choice(blocks), blocks[0]
        texts.append("".join(chr(rng.randrange(*rng.choice([block, plain]))) for _ in range(rng.randrange(30))))
    each = [words.fold(text) for text in texts]
    assert words.folded(texts) == each
    same = sum(
        unicodedata.normalize("NFD", one) == unicodedata.normalize("NFD", slow_fold(text))
        for one, text in zip(each, texts, strict=True)
    )
    assert same == len(texts)
    assert words.folded([]) == []
    assert words.folded(["a\0b", ""]) == ["a b", ""]


@pytest.mark.parametrize(
    ("typed", "wanted", "without"),
    [
        ("red dress", ("red", "dress"), ()),
        ("  Red   red DRESS ", ("red", "dress"), ()),
        ('"red   dress" -black', ("red dress",), ("black",)),
        ('-"t shirt" t-shirt', ("t-shirt",), ("t shirt",)),
        ("-black", (), ("black",)),
        ('a"b"c', ("a", "b", "c"), ()),
        ("100% _x' ; DROP TABLE pool--", ("100%", "_x'", ";", "drop", "table", "pool--"), ()),
        (r".* [a-z]+ \d", (".*", "[a-z]+", r"\d"), ()),
        ("-", ("-",), ()),
    ],
)
def test_words_phrases_and_what_is_left_out(typed, wanted, without):
    read = words.read(typed)
    assert (read.wanted, read.without) == (wanted, without)


@pytest.mark.parametrize("typed", ["", "  \n", '""', '-""', "\u0301"])
def test_nothing_to_look_for_is_said(typed):
    with pytest.raises(BadRequest, match=r"^There is no word to look for; write one, such as dress\.$"):
        words.read(typed)


@pytest.mark.parametrize("typed", ['"red', 'red"', 'a "b" "c', '"'])
def test_a_quote_without_an_end_is_said(typed):
    with pytest.raises(
        BadRequest, match='^A quote has no end; write "red dress" for a phrase, or leave the quote out.$'
    ):
        words.read(typed)


def test_too_much_and_what_is_no_text_is_said():
    with pytest.raises(BadRequest, match="has 1,000,000 characters; it may have at most 1,000"):
        words.read("a" * 1_000_000)
    with pytest.raises(BadRequest, match="There are 33 words; at most 32 are looked for at once"):
        words.read(" ".join(f"w{at}" for at in range(33)))
    for typed in ("a\0b", "\ud800"):
        with pytest.raises(BadRequest, match="holds a character that is no text"):
            words.read(typed)
