"""Columns of Arrow's own types as text, and back: streams that need no more memory than that."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pandas as pd

_BATCH, _DICTIONARY = 3, 2
"""Kinds of Arrow's messages that hold cells (Message.fbs, MessageHeader)."""


def arrow_text(column: pd.Series) -> str:
    """Return a column of an Arrow type as the text of a stream."""
    import pyarrow as pa

    table = pa.table({"cells": pa.chunked_array(column.array.__arrow_array__()).combine_chunks()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()


def arrow_column(text: str) -> pd.Series:
    """Return the column of a text.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        If the stream is compressed: `arrow_text` writes none, and a small one may unpack to all of
        the memory.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError("the explanation holds Arrow columns (polars tables have them); reading "
                          "it needs pyarrow: pip install 'xaikit[io]'.") from error
    data = base64.b64decode(text)
    for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(data)):
        if _is_compressed(memoryview(message.metadata)):
            raise ValueError("an Arrow column is compressed, which xaikit does not write")
    with pa.ipc.open_stream(data) as stream:
        return pd.Series(pd.arrays.ArrowExtensionArray(stream.read_all()["cells"]))


def _is_compressed(message: memoryview) -> bool:
    """Return whether the cells of a message are compressed: whether its batch says with what."""
    root = _offset(message, 0)
    kind, header = _field(message, root, 1), _field(message, root, 2)
    if header is None or kind is None or message[kind] not in (_BATCH, _DICTIONARY):
        return False
    batch = _offset(message, header)
    if message[kind] == _DICTIONARY:
        inner = _field(message, batch, 1)
        batch = batch if inner is None else _offset(message, inner)
    return _field(message, batch, 3) is not None


def _offset(buffer: memoryview, at: int) -> int:
    """Follow an offset of a FlatBuffer."""
    return at + int(struct.unpack_from("<I", buffer, at)[0])


def _field(buffer: Any, table: int, number: int) -> int | None:
    """Return where a field of a FlatBuffer's table is; None if it is not there."""
    index = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, index)[0]
    if 4 + 2 * number >= size:
        return None
    place = struct.unpack_from("<H", buffer, index + 4 + 2 * number)[0]
    return table + int(place) if place else None
