"""Another page, or one plane of a page, as the first page of a TIFF file, so that Pillow reads it."""

from __future__ import annotations

import struct

_OF_EACH_PLANE = {258, 273, 279, 324, 325, 339}  # bits, strips, tiles and kind of sample: one value or more a plane
_NOW_ONE = {262, 277, 284}  # black is zero; one sample; in one plane
_EXTRA = 338  # samples beyond grey
_WIDTHS = {3: 2, 4: 4, 16: 8}  # bytes of a value by its type: SHORT, LONG, LONG8


def point_at(file: bytearray, offset: int) -> None:
    """Make the directory at an offset the first one of a TIFF file, in place.

    Parameters
    ----------
    file : bytearray
        A whole TIFF or BigTIFF file.
    offset : int
        Where the directory begins, bytes from the start of the file.
    """
    order, big = _layout(file)
    struct.pack_into(order + ("Q" if big else "I"), file, 8 if big else 4, offset)


def keep_plane(file: bytearray, offset: int, plane: int, planes: int) -> None:
    """Make one plane of a page the first page of a TIFF file, in grey, by a directory behind the file's end.

    Parameters
    ----------
    file : bytearray
        The whole file.
    offset : int
        Where the page's directory lies.
    plane, planes : int
        Which plane, and of how many.

    Raises
    ------
    struct.error
        If the directory is damaged.
    """
    order, big = _layout(file)
    number, many, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    field = struct.calcsize(number)
    (old,) = struct.unpack_from(order + many, file, offset)
    offset += struct.calcsize(many)
    entries = []
    for at in range(offset, offset + entry * old, entry):
        tag, kind, count = struct.unpack_from(f"{order}HH{number}", file, at)
        new = file[at : at + entry]
        value = entry - field
        if tag == _EXTRA:
            continue
        if tag in _NOW_ONE:
            struct.pack_into(order + "H", new, value, 1)
        elif tag in _OF_EACH_PLANE and kind in _WIDTHS and count >= planes:
            width, share = _WIDTHS[kind], count // planes
            (pointer,) = struct.unpack_from(order + number, new, value)
            first = (at + value if count * width <= field else pointer) + plane * share * width
            if share * width <= field:
                new[value : value + share * width] = file[first : first + share * width]
            else:
                struct.pack_into(order + number, new, value, first)
            struct.pack_into(order + number, new, 4, share)
        entries.append(bytes(new))
    file += bytes(len(file) % 2)  # directories begin at even bytes
    start = len(file)
    file += struct.pack(order + many, len(entries)) + b"".join(entries) + bytes(field)
    point_at(file, start)


def _layout(file: bytearray) -> tuple[str, bool]:
    """Byte order, for `struct`, and whether offsets have eight bytes (BigTIFF)."""
    return "<" if file[:2] == b"II" else ">", file[2] == 43
