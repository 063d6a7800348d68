"""What a file of weights is, told by its first bytes and its length and not by its name; nothing in it is read.

Without torch, so that a run knows before its first job whether a user's own file can hold weights at all.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import naming

HEAD_BYTES = 512

_OTHER_FORMATS = (
    (rb"version https://git-lfs", "is a pointer of Git LFS in the place of the file; fetch it with `git lfs pull`"),
    (
        rb"(\xef\xbb\xbf)?\s*<(!doctype|!--|html|\?xml|head|script)",
        "is a web page that came in the place of the file; get it anew",
    ),
    (rb"[\s!-~]+$", "is text in the place of the file, such as a message or an index; get the file itself"),
    (rb"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes it; give weights of torch"),
    (rb"MATLAB ", "is a file of MATLAB; give weights of torch"),
    (rb"\x93NUMPY", "is an array of NumPy; give weights of torch"),
    (rb".{4}TFL3", "is a model of TensorFlow Lite; give weights of torch"),
    (rb"(\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd)|.{257}ustar", "is an archive; unpack it first"),
    (rb"\x08[\x01-\x20][\x12\x1a\x3a]", "is a model of ONNX or TensorFlow; give weights of torch"),
    (rb"$", "is empty; get it anew"),
)
"""Beginnings of files that people have under such names, and what is said of them."""


def check_weights_file(path: Path) -> bytes:
    """See that a file may be one that ``torch.save`` or safetensors wrote, to its end.

    Returns
    -------
    bytes
        Its first ones. A safetensors file has an opening brace as the ninth.

    Raises
    ------
    UserError
        If the file is missing, of another format, which is named, or not complete.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; correct the path after 'file:'.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file of weights.") from None
    for beginning, told in _OTHER_FORMATS:
        if re.match(beginning, head, re.IGNORECASE | re.DOTALL):
            raise UserError(f"{path}: {told}.")
    with naming(path):
        if head[8:9] == b"{":
            _check_length(path, int.from_bytes(head[:8], "little"))
        elif head[:4] == b"PK\x03\x04":
            _check_archive(path)
    return head


def incomplete(path: Path) -> UserError:
    """The error on a file that lacks its end, or is damaged."""
    return UserError(
        f"{path}: not a complete file of tensors as torch.save or safetensors writes it; get a sound copy."
    )


def _check_length(path: Path, header: int) -> None:
    """Raise UserError if a safetensors file is not as long as its header says."""
    with path.open("rb") as file:
        file.seek(8)
        try:
            entries = json.loads(file.read(min(header, path.stat().st_size)))
            last = max(
                (entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"), default=0
            )
        except (ValueError, TypeError, LookupError, AttributeError):
            raise incomplete(path) from None
    if path.stat().st_size != 8 + header + last:
        raise incomplete(path)


def _check_archive(path: Path) -> None:
    """Raise UserError if a zip archive lacks its end, or is one that ``torch.save`` did not write."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name for name in archive.namelist()}
    except zipfile.BadZipFile:
        raise incomplete(path) from None
    if "constants.pkl" in names:
        raise UserError(
            f"{path}: is a TorchScript archive, which holds code; save its state_dict() alone where it comes from."
        )
    if "data.pkl" not in names:
        raise UserError(f"{path}: is a zip archive that torch.save did not write; unpack it, or give weights of torch.")
