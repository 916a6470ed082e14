"""Mails in Outlook's own form: a compound file (MS-CFB) with a stream for each property."""

import struct
from collections.abc import Mapping

_SECTOR = 512
_FREE, _END, _TABLE, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
# Shorter streams would lie in a file of their own inside of this one.
_STREAM_MIN = 4096
_ROOT, _FOLDER, _STREAM = 5, 1, 2


def msg(
    texts: Mapping[str, str], attached: Mapping[str, bytes] | None = None, packed: bytes = b""
) -> bytes:
    """Texts by property, such as `0037` for the subject; files by name; a body of packed RTF."""
    tree: dict[str, bytes | dict[str, bytes]] = {
        f"__substg1.0_{code}001F": text.encode("utf-16-le") for code, text in texts.items()
    }
    if packed:
        tree["__substg1.0_10090102"] = packed
    for n, (name, body) in enumerate((attached or {}).items()):
        tree[f"__attach_version1.0_#{n:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": body,
        }
    return _compound(tree)


def _compound(tree: Mapping[str, bytes | dict[str, bytes]]) -> bytes:
    """Entries hang in chains: each points to the next one on its right."""
    entries: list[list[object]] = [["Root Entry", _ROOT, _NONE, _NONE, b""]]
    _hang(entries, 0, tree)
    sectors: list[bytes] = []
    chain: list[int] = []
    rows = []
    for name, kind, right, child, body in entries:
        start = _END
        if kind == _STREAM:
            assert isinstance(body, bytes)
            start = _append(sectors, chain, body)
            size = len(body)
        else:
            size = 0
        rows.append(
            _entry(str(name), int(str(kind)), int(str(right)), int(str(child)), start, size)
        )
    folder = _append(sectors, chain, b"".join(rows))
    tables = -(-(len(chain) + 4) // (_SECTOR // 4))
    first = len(sectors)
    chain += [_TABLE] * tables
    chain += [_FREE] * (tables * (_SECTOR // 4) - len(chain))
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, tables, folder, 0, _STREAM_MIN, _END, 0, _END, 0),
    )
    places = [first + n if n < tables else _FREE for n in range(109)]
    table = struct.pack(f"<{len(chain)}I", *chain)
    return head + struct.pack("<109I", *places) + b"".join(sectors) + table


def _hang(
    entries: list[list[object]], parent: int, tree: Mapping[str, bytes | dict[str, bytes]]
) -> None:
    last = -1
    for name, held in tree.items():
        kind = _FOLDER if isinstance(held, dict) else _STREAM
        padded = held if isinstance(held, dict) else _padded(name, held)
        entries.append([name, kind, _NONE, _NONE, padded])
        own = len(entries) - 1
        if last < 0:
            entries[parent][3] = own
        else:
            entries[last][2] = own
        last = own
        if isinstance(held, dict):
            _hang(entries, own, held)


def _padded(name: str, body: bytes) -> bytes:
    """Long enough, by blanks at the end."""
    blank = " ".encode("utf-16-le") if name.endswith("001F") else b" "
    return body + blank * (max(0, _STREAM_MIN - len(body)) // len(blank))


def _append(sectors: list[bytes], chain: list[int], body: bytes) -> int:
    start = len(sectors)
    for at in range(0, len(body), _SECTOR):
        sectors.append(body[at : at + _SECTOR].ljust(_SECTOR, b"\0"))
        chain.append(len(sectors))
    chain[-1] = _END
    return start


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    head = wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide), kind, 1, _NONE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)
