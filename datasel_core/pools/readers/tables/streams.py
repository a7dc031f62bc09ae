"""A file as bytes and as lines of text, unpacked on the way and never held as a whole."""

import codecs
import contextlib
import gzip
import io
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

LONGEST = 64 << 20
"""Characters of one line or file: more is no sample, and must not fill the memory."""

UNPACKING = (EOFError, zlib.error, OSError)
"""What a packed file that is broken raises."""

BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first character that counts."""

_PACKINGS = (".gz", ".zst")
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_READ = 1 << 20
_FRAME = 1 << 16
"""Bytes that are unpacked at a time: of a file that is cut off, the last are lost with what follows."""
_SURE = 1000
"""Bytes beyond ASCII that settle an encoding."""

_BOMB_TIMES, _BOMB_BYTES = 250, 100_000_000
"""A packed file may unpack to so many times its size, or to so much: text that says something is packed to a tenth or a
twentieth.
"""

Stream = io.BufferedReader


@dataclass(frozen=True)
class Trouble:
    """Stands where something cannot be read; the text is the reason."""

    text: str


@dataclass
class Position:
    """How far a file was read, in bytes, which whoever shows progress looks at; and what was found out about it.

    names: its columns, where a header or a schema says them. notes: what is unusual about it. text: the row that came
    last as it is written there, where rows are JSON. passes: says of a line which nobody needs, so that it comes as a
    row that cannot be used, unread.
    """

    file: BinaryIO | None = None
    done: int = 0
    names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    text: str | None = None
    passes: Callable[[int], bool] | None = None

    def bytes(self) -> int:
        return self.file.tell() if self.file is not None and not self.file.closed else self.done


def packing(name: str) -> str:
    """`.gz` of `a.jsonl.gz`, nothing of `a.jsonl`."""
    return next((suffix for suffix in _PACKINGS if name.endswith(suffix)), "")


@contextlib.contextmanager
def opened(path: Path, position: Position) -> Iterator[Stream]:
    """The file's bytes, unpacked if they are packed, whatever its name says. Raises OSError, and UNPACKING while it is
    read.
    """
    with open(path, "rb", buffering=_READ) as raw:
        position.file = raw
        begin = raw.peek(4)[:4]
        if begin[:2] == b"\x1f\x8b" or (begin and path.name.lower().endswith(".gz")):
            yield io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=raw), raw), _FRAME)
        elif _ZSTD.match(begin) or (begin and path.name.lower().endswith(".zst")):
            yield io.BufferedReader(_Unpacked(pa.input_stream(raw, compression="zstd"), raw), _FRAME)
        else:
            yield raw


def is_packed(path: Path) -> bool:
    with opened(path, Position()) as stream:
        return isinstance(stream.raw, _Unpacked)


class _Unpacked(io.RawIOBase):
    """What a packed file holds, as long as that is in a sound relation to its size. Raises OSError beyond."""

    def __init__(self, content: Any, packed: BinaryIO):
        self._content, self._packed, self._n = content, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._content.read(len(buffer))
        self._n += len(found)
        if self._n > max(_BOMB_BYTES, _BOMB_TIMES * self._packed.tell()):
            raise OSError(
                f"it unpacks to more than {_BOMB_TIMES} times its size, so it says the same over and over; write each "
                "line once, or unpack it if it is meant so"
            )
        buffer[: len(found)] = found
        return len(found)


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file's content; none where they cannot be read. A pipe would keep its reader waiting."""
    with contextlib.suppress(*UNPACKING):
        if stat.S_ISREG(path.stat().st_mode):
            with opened(path, Position()) as stream:
                return stream.read(count)
    return b""


def trouble_of(error: BaseException) -> str:
    """Why bytes could not be unpacked or read, in words."""
    text = str(error).split("\n")[0]
    return "it is cut off" if isinstance(error, EOFError) or "Truncated" in text else text or type(error).__name__


def marked(stream: Stream) -> str | None:
    """UTF-16 is known by its mark."""
    return _BOMS.get(stream.peek(2)[:2])


def lines(
    stream: Stream, errors: str, encoding: str | None = None, end: str = "\n"
) -> Iterator[tuple[int, str | Trouble]]:
    """Lines with their numbers. UTF-8 is the rule, with or without its mark; UTF-16 is known by its mark.

    errors: what becomes of bytes that are not UTF-8. encoding, end: where they are another.
    """
    at, marked_as = 0, marked(stream)
    encoding, errors = (marked_as, "surrogatepass") if marked_as else (encoding, errors)
    if end != "\n" and not encoding:
        encoding = "utf-8-sig"
    source: Any = io.TextIOWrapper(stream, encoding, errors=errors, newline=end) if encoding else stream
    ends = (b"\n", end)
    try:
        while line := source.readline(LONGEST):
            at += 1
            if len(line) == LONGEST and line[-1:] not in ends:
                while (rest := source.readline(LONGEST)) and rest[-1:] not in ends:
                    pass
                yield at, Trouble(f"it is longer than {LONGEST:,} characters")
                continue
            if not encoding:
                try:
                    line = line.decode("utf-8-sig" if at == 1 else "utf-8", errors)
                except UnicodeDecodeError as error:
                    yield at, Trouble(f"its byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8")
                    continue
            yield at, line
    except (*UNPACKING, UnicodeDecodeError) as error:
        yield at + 1, Trouble(f"from here on it cannot be read ({trouble_of(error)})")


def encoding_and_end(stream: Stream) -> tuple[str | None, str]:
    """What a text without a mark is written in, from its bytes: `cp1252` where it is not UTF-8, else nothing; and what
    ends its lines.

    A text in UTF-8 with some broken characters has more good ones beyond ASCII than bad; one in cp1252 has hardly any
    that are good by chance.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    end, returned = "", False
    while (block := stream.read(_READ)) and not (end and max(good, bad) > _SURE):
        end = end or ("\n" if b"\n" in block else "")
        returned = returned or b"\r" in block
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        whole = text.encode("utf-8", "ignore")
        kept = len(whole.decode())
        bad, good = bad + len(text) - kept, good + len(whole) - kept
    bad += len(decoder.decode(b"", final=True))
    return "cp1252" if bad > good else None, end or ("\r" if returned else "\n")
