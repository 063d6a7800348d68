"""What the names of folders and files look like: one class under two names, parts of a split, patients, lost images."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from leukorepro.core.listing import Listing
from leukorepro.data.folders import IMAGE_SUFFIXES, some

_PICTURE = re.compile(
    "gif|webp|jfif|jpe|pjpeg|avif|hei[cf]|hif|jp2|j2k|jp[fx]|jx[lr]|wdp|hdp|svg|ico|dib|psd|xcf|tga|pcx|exr|hdr|p[pgbna]m"
    "|raw|dng|nef|cr[23w]|arw|orf|rw2|raf|pef|srw"  # of cameras
    "|svs|ndpi|mrxs|scn|vsi|czi|zvi|lif|lsm|nd2|oi[bf]|stk|bif|vms|qptiff|ets|dcm|dicom"  # of microscopes, scanners
    "|np[yz]|mat|h5|hdf5|zarr|mh[ad]|nii|nrrd"  # arrays
)
"""Endings of files that hold images; those that are read are rows."""
_ARCHIVE = re.compile("zip|tar|tgz|gz|bz2|xz|zst|7z|rar")
_DOCUMENT = re.compile(
    "txt|[ct]sv|jsonl?|xml|html?|md|rst|pdf|docx?|odt|rtf|xlsx?|ods|pptx?|ya?ml|toml|ini|cfg|log|py|ipynb|m|r|sh|bat|db"
    "|sqlite|lnk|url|md5|sha256|dvc|parquet"
)
"""Endings of files that stand beside images and are none."""

_SAVE_THEM = f"save them as one of {', '.join(sorted(IMAGE_SUFFIXES))}"

_NAME_THEM = "--subject-regex '^[^/]+/([^/]+)/'"

FEW_NUMBERS = 6
"""So many folders of numbered names look like patients rather than like classes."""
MANY_NUMBERS = 12
"""So many where the names are numbers alone: classes may be numbered, too."""
MANY_FOLDERS = 30
"""More folders than so many look like patients whatever they are called."""

_FIRST_BYTES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8|II[*+]\0|MM\0[*+]|BM.{4}\0{4}|RIFF.{4}WEBP|.{4}ftyp(?:hei|avif|mif1)"
    rb"|\0{3}\x0cjP  |\x93NUMPY|ZISRAWFILE|.{128}DICM",
    re.DOTALL,
)
_PART = re.compile(
    r"(?<![a-z])(?:train|test(?!i[cs])|valid|val(?:set)?(?![a-z])|folds?(?![a-z])|hold[ _-]?out|eval|dev(?![a-z])"
    r"|(?:split|part|partition|subset|set|cv)[ _-]?\d)"
)
_PATIENT = re.compile(
    r"(?<![a-z])(?:patient(?:en)?|paciente|pat|pt|p|subject|subj|sub|case|donor|person|individual|participant|uid|pid"
    r"|mrn|id|sample|specimen|slide|smear|s)s?[\W_]*(?:id|no|nr)?[\W_]*h?\d"
    r"|(?<![a-z])(?:patient|subject|donor)[\W_]+[a-z](?![a-z])"
)
# A class may be numbered: 1, CD8, type 1, grade 3, and by the French-American-British classification L2 or AML-M3.
_CLASS_BEFORE_NUMBER = re.compile(
    r"(?:class|type|subtype|grade|stage|group|cluster|category|cat|label|level|cd|(?:(?:aml|all|fab)[\W_]*)?[a-oqrt-z])?"
    r"[\W_]*"
)
# What looks the same, from the least difference to the largest: its name and what takes it away.
_SHAPES = str.maketrans("АВЕКМНОРСТХаеорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο0", "ABEKMHOPCTXaeopcyxABEZHIKMNOPTYXoO")  # noqa: RUF001
_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "Unicode form": lambda name: unicodedata.normalize("NFC", name),
    "invisible characters": lambda name: "".join(c for c in name if unicodedata.category(c) != "Cf"),
    "width of characters": lambda name: unicodedata.normalize("NFKC", name),
    "spaces, hyphens, underscores or dots": lambda name: re.sub(r"[\s_]+|(?<=\w)[-‐-―](?=\w)|\.$", "", name),  # noqa: RUF001
    "characters of the same shape": lambda name: name.translate(_SHAPES),
    "case": str.casefold,
    "accents": lambda name: "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)),
}


def of_names(listing: Listing, folder: Path) -> list[str]:
    """Sentences on what the names of a dataset's folders and files look like.

    Parameters
    ----------
    listing : Listing
    folder : Path
        The dataset's folder. Files whose ending says nothing are opened for their first bytes.
    """
    classes = sorted({row.label for row in listing.rows})
    found = list(_look_alikes(classes))
    lost: set[str] = set()
    if all(row.path.startswith(f"{row.label}/") for row in listing.rows):  # a folder's name is its class
        folders = [PurePosixPath(row.path).parts[:-1] for row in listing.rows]
        found += _other_than_classes(folders, subjects_known=listing.has_subjects)
        lost = set(listing.folders) - set(classes)
        found += _without_images(lost, listing.others)
    others = [path for path in listing.others if path.split("/")[0] not in lost]
    packed = [path for path in others if _ARCHIVE.fullmatch(_ending(path))]
    if packed:
        found.append(
            f"{_these(packed, 'file')} like packed images, which are not read; unpack them, or move them away."
        )
    unread = [path for path in others if _holds_an_image(path, folder)]
    if unread:
        found.append(
            f"{_these(unread, 'file')} like images, which are not read ({_endings(unread)}); {_SAVE_THEM}, or move them"
            " away."
        )
    return found


def _look_alikes(classes: Iterable[str]) -> Iterator[str]:
    """Classes whose names differ by nothing that is meant to tell classes apart."""
    alike = defaultdict(list)
    for name in classes:
        seen = name
        for reduce in _DIFFERENCES.values():
            seen = reduce(seen)
        alike[seen].append(name)
    for names in alike.values():
        if len(names) > 1:
            differences = list(_differences(names))
            shown = [f"'{name}'" if differences == ["case"] else ascii(name) for name in names]
            yield (
                f"the classes {' and '.join(shown)} look like one under {len(names)} names, which differ in "
                f"{' and '.join(differences)}; give them one name, or names that tell them apart."
            )


def _differences(names: Sequence[str]) -> Iterator[str]:
    """In what names differ that look like one."""
    for difference, reduce in _DIFFERENCES.items():
        reduced = [reduce(name) for name in names]
        changed = [before != after for before, after in zip(names, reduced, strict=True)]
        if len(set(reduced)) < len(set(names)) or len(set(changed)) > 1:
            yield difference
        if len(set(reduced)) == 1:
            return
        names = reduced


def _other_than_classes(folders: Collection[tuple[str, ...]], *, subjects_known: bool) -> Iterator[str]:
    """Folders that look like patients or like parts of a split, or as if the classes lay above or below them.

    Parameters
    ----------
    folders : collection of tuple of str
        The folders of every image, from the top; the first was read as its class.
    subjects_known : bool
        Whether the patients are known; if so, folders of theirs below the classes are as they should be.
    """
    depth = 0
    while len({parts[: depth + 1] for parts in folders}) == 1 and all(len(parts) > depth + 1 for parts in folders):
        depth += 1
    wrapper = "/".join(next(iter(folders))[:depth])
    read = f"all below '{wrapper}' was read as one class" if wrapper else "they were read as classes"
    below: dict[str, set[str]] = defaultdict(set)
    for parts in folders:
        below[parts[depth]].update(parts[depth + 1 : depth + 2])
    names = sorted(below)
    deeper = sorted(set().union(*below.values()))
    shared = sorted(set.intersection(*below.values()))
    classes = f", the folders below ({some(map(repr, deeper))}) like classes" if deeper else ""
    nested = [f"{name}/{inner}" for name in names for inner in sorted(below[name]) if inner in below and inner != name]
    if parted := list(filter(_is_part, names)):
        yield (
            f"{_these(parted, 'folder')} like part of a split{classes}; {read}. Put each class into one folder of its "
            "own, or let the images' folder be one of the parts."
        )
    elif len(names) > 1 and _are_patients(names):
        images = Counter(parts[depth] for parts in folders).values()
        yield (
            f"{_these(names, 'folder')} like patients, of {min(images):,} to {max(images):,} images{classes}; {read}. "
            f"Put each class into one folder, and its patients' folders below that; {_NAME_THEM} then names them."
        )
    elif len(names) > 1 and wrapper:
        yield f"{_these(names, 'folder')} like the classes; {read}. Let the images' folder be '{wrapper}' below it."
    elif parted := list(filter(_is_part, shared)):
        yield (
            f"{_these(parted, 'folder')} like part of a split, below each of {some(map(repr, names))}; all parts were "
            "put together, and are split anew."
        )
    elif len(shared) > 1 and not _are_patients(shared):
        yield (
            f"{_these(shared, 'folder')} like the classes, below each of {some(map(repr, names))}; {read}. "
            "Let the images' folder be one of these, or put each class into one folder of its own."
        )
    elif nested:
        yield f"{_these(nested, 'folder')} like classes that lie in others; move them out, or rename them."
    elif len(names) > 1 and not subjects_known and _are_patients(deeper):
        yield f"{_these(deeper, 'folder')} like patients below the classes, who are not known; {_NAME_THEM} names them."


def _is_part(name: str) -> bool:
    return _PART.search(re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None


def _are_patients(names: Collection[str]) -> bool:
    """Whether folders are called as patients are: by that word, by numbers, or by very many names."""
    told = [name for name in map(str.lower, names) if _PATIENT.search(name)]
    least = 3 if all(re.match(r"[ps][\W_]*\d", name) for name in told) else 2
    stems = [re.split(r"\d", name.lower(), maxsplit=1)[0] for name in names if re.search(r"\d", name)]
    unlike_classes = [stem for stem in stems if not _CLASS_BEFORE_NUMBER.fullmatch(stem)]
    return (
        len(names) > MANY_FOLDERS
        or (len(told) >= least and 2 * len(told) >= len(names))
        or any(
            len(numbered) >= most and 5 * len(numbered) >= 4 * len(names) and len(numbered) >= 3 * len(set(numbered))
            for numbered, most in ((unlike_classes, FEW_NUMBERS), (stems, MANY_NUMBERS))
        )
    )


def _without_images(folders: Iterable[str], others: Iterable[str]) -> Iterator[str]:
    """Folders beside those of the classes none of whose files was read."""
    below = defaultdict(list)
    for path in others:
        below[path.split("/")[0]].append(path)
    for folder in sorted(folders):
        if not below[folder]:
            yield f"the folder '{folder}' looks like a class, but holds no file, or hidden ones only."
        elif not all(_DOCUMENT.fullmatch(_ending(path)) for path in below[folder]):
            yield (
                f"the folder '{folder}' looks like a class, but none of its files is read ({_endings(below[folder])}); "
                f"{_SAVE_THEM}, or move the folder away."
            )


def _holds_an_image(path: str, folder: Path) -> bool:
    """Whether an ending says so, or a file's first bytes where its ending says nothing."""
    ending = _ending(path)
    if _PICTURE.fullmatch(ending):
        return True
    if _DOCUMENT.fullmatch(ending) or _ARCHIVE.fullmatch(ending):
        return False
    try:
        with (folder / path).open("rb") as file:
            return _FIRST_BYTES.match(file.read(132)) is not None
    except OSError:
        return False


def _ending(path: str) -> str:
    """In small letters, without the dot."""
    return PurePosixPath(path).suffix.lower().removeprefix(".")


def _endings(paths: Iterable[str]) -> str:
    counts = Counter(PurePosixPath(path).suffix.lower() or "no ending" for path in paths)
    return ", ".join(f"{count:,} {ending}" for ending, count in counts.most_common())


def _these(names: Collection[str], what: str) -> str:
    """A sentence's beginning: ``2 folders ('a', 'b') look``."""
    one = len(names) == 1
    return f"{len(names):,} {what}{'' if one else 's'} ({some(map(repr, names), 3)}) {'looks' if one else 'look'}"
