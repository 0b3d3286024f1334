"""RTF as Outlook packs it (MS-OXRTFCP): a dictionary of 4,096 bytes that begins with common words."""

import struct

from localcollab.documents.parsing.section import Refused, Unreadable

_PACKED, _PLAIN = b"LZFu", b"MELA"
_SIZE = 4096
_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def decompress(packed: bytes, limit: int) -> bytes:
    """Raises `Unreadable`; `Refused` beyond the limit, in bytes."""
    if len(packed) < 16:
        raise Unreadable("its RTF text is damaged")
    _, n_raw, kind, _ = struct.unpack_from("<II4sI", packed)
    if kind == _PLAIN:
        return packed[16 : 16 + n_raw]
    if kind != _PACKED:
        raise Unreadable("its RTF text is packed in an unknown way")
    if n_raw > limit:
        raise Refused(f"unpacks to more than {limit // 1_000_000} MB")
    window = bytearray(_START.ljust(_SIZE, b"\0"))
    out, write, at = bytearray(), len(_START), 16
    while at < len(packed) and len(out) < n_raw:
        control, at = packed[at], at + 1
        for bit in range(8):
            if at >= len(packed) or len(out) >= n_raw:
                break
            if not control >> bit & 1:
                chunk, at = packed[at : at + 1], at + 1
            elif at + 1 < len(packed):
                reference, at = packed[at] << 8 | packed[at + 1], at + 2
                offset, length = reference >> 4, (reference & 15) + 2
                if offset == write:
                    return bytes(out)
                chunk = _copied(window, write, offset, length)
            else:
                break
            for byte in chunk:
                window[write] = byte
                write = (write + 1) % _SIZE
            out += chunk
    return bytes(out)


def _copied(window: bytearray, write: int, offset: int, length: int) -> bytes:
    """What stands at the offset; it may run into what is just being written."""
    distance = (write - offset) % _SIZE
    first = bytes(window[(offset + n) % _SIZE] for n in range(min(length, distance)))
    return (first * (length // max(1, len(first)) + 1))[:length]
