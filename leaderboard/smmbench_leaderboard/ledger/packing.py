"""Pack a board into a small file: its JSON, with the pairs of all rows as compressed columns.

The file is an xz stream of: the length of the JSON (8 bytes, big-endian), the JSON without its
pairs, the pixel hashes (32 bytes each), and the values by column (float64, little-endian, all first
bytes before all second ones). Unpacking restores the board exactly.
"""

from __future__ import annotations

import json
import lzma
from typing import Any

import numpy as np

LARGEST = 64 << 20  # unpacked bytes of an entry; 23 rows with 234 pairs have 2 MB
MEMORY = 96 << 20  # bytes of memory for xz, whose best preset needs 65 MiB
ITEMS = 1_000_000  # in the JSON: an empty list has 3 bytes there and 64 in memory
ROWS = 200
EMPTY = bytes(32)
MEAN, PARTS = "motion_fidelity", ("source_to_output", "output_to_source")

Content = dict[str, Any]


def pack_board(board: Content) -> bytes:
    """Compress a board; the same board gives the same bytes with one version of liblzma.

    Raises:
        ValueError: Unpacking would not restore the board exactly.
    """
    if len(board["rows"]) > ROWS:
        raise ValueError(f"This board has {len(board['rows'])} rows, more than {ROWS}.")
    rows = [pair for row in board["rows"] for pair in row["pairs"]]
    names = list(dict.fromkeys(name for pair in rows for name in pair["values"]))
    columns = [[pair["values"].get(name, np.nan) for pair in rows] for name in names]
    numbers = np.array(columns, dtype="<f8").reshape(len(names), len(rows))
    derived = _derived(names, numbers)
    skeleton = {
        "derived": derived,
        "board": board | {"rows": [row | {"pairs": len(row["pairs"])} for row in board["rows"]]},
        "names": names,
        "facts": [_facts(pair, names) for pair in rows],
    }
    text = json.dumps(skeleton, separators=(",", ":"), allow_nan=False).encode()
    hashes = b"".join(bytes.fromhex(pair["pixels_sha256"]) or EMPTY for pair in rows)
    kept = np.delete(numbers, names.index(MEAN), axis=0) if derived else numbers
    values = np.ascontiguousarray(kept).reshape(-1, 1).view(np.uint8).T.tobytes()
    packed = lzma.compress(len(text).to_bytes(8) + text + hashes + values, preset=9)
    if unpack_board(packed) != board:
        raise ValueError("This board does not come back as it is; it is no board of smmbench.")
    return packed


def unpack_board(packed: bytes) -> Content:
    """Unpack a board.

    Raises:
        ValueError: The content is not a packed board, or it is too large when unpacked.
    """
    try:
        unpacker = lzma.LZMADecompressor(memlimit=MEMORY)
        data = unpacker.decompress(packed, max_length=LARGEST)
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError("it is cut, or unpacks to too much")
        end = 8 + int.from_bytes(data[:8])
        refuse_many_items(data[8:end])
        skeleton = json.loads(data[8:end])
        board, names, facts = skeleton["board"], skeleton["names"], skeleton["facts"]
        count = len(facts)
        hashes, rest = data[end : end + 32 * count], data[end + 32 * count :]
        raw = np.frombuffer(rest, np.uint8).reshape(8, -1).T
        values = np.ascontiguousarray(raw).view("<f8").reshape(-1, count)
        if skeleton["derived"]:
            others = [name for name in names if name != MEAN]
            mean = _mean(*(values[others.index(part)] for part in PARTS))
            values = np.insert(values, names.index(MEAN), mean, axis=0)
        pairs = [
            _pair(facts[i], names, hashes[32 * i : 32 * i + 32], values[:, i]) for i in range(count)
        ]
        start = 0
        for row in board["rows"]:
            row["pairs"], start = pairs[start : start + row["pairs"]], start + row["pairs"]
    except (
        lzma.LZMAError, AttributeError, IndexError, KeyError, MemoryError, OverflowError,
        RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise ValueError(f"This is no entry of a ledger: {error}.") from error
    found: Content = board
    return found


def refuse_many_items(text: bytes) -> None:
    """Reject JSON with more lists, objects and values than any board has, before parsing it.

    Raises:
        ValueError: The JSON has too many values.
    """
    if sum(text.count(sign) for sign in (b",", b"[", b"{")) > ITEMS:
        raise ValueError(f"it has more than {ITEMS} values")


def _derived(names: list[str], numbers: Any) -> bool:
    """Return whether a column is exactly the mean of two others and need not be stored."""
    if not {MEAN, *PARTS} <= set(names):
        return False
    one, other = (numbers[names.index(part)] for part in PARTS)
    return np.array_equal(numbers[names.index(MEAN)], _mean(one, other), equal_nan=True)


def _mean(one: Any, other: Any) -> Any:
    return (one + other) / 2


def _facts(pair: Content, names: list[str]) -> Content:
    """Return the facts of a pair besides hash and numbers, and any unusual order of values."""
    here = [name for name in names if name in pair["values"]]
    facts = {name: fact for name, fact in pair.items() if name not in ("pixels_sha256", "values")}
    return facts | {"values": here if len(here) < len(names) else None}


def _pair(facts: Content, names: list[str], digest: bytes, values: Any) -> Content:
    here = names if facts["values"] is None else facts["values"]
    numbers = {
        name: float(value) for name, value in zip(names, values, strict=True) if name in here
    }
    return facts | {"pixels_sha256": "" if digest == EMPTY else digest.hex(), "values": numbers}
