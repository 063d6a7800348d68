"""Published datasets: read from folders as people have them, and fetched from a server on this machine."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import pytest
from local_server import serving
from PIL import Image
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.datasets import RealDataset, load_dataset
from leukorepro.core.errors import UserError
from leukorepro.core.fetching.publication import Archive, Publication
from leukorepro.core.listing import Listing
from leukorepro.data.adapters import bloodmnist, deepapl, lmu, mll23, pbc, raabin, taleqani
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.folders import list_images
from leukorepro.data.public.arrays import unpack_arrays
from leukorepro.data.public.fetch import fetch, fetchable
from leukorepro.data.public.telling import terms_of
from leukorepro.data.public.unpacking import UnusableArchive, unpack
from leukorepro.data.scan import scan

HERE = Path("images")
ROOT = Path(__file__).resolve().parents[2]


def named(name: str, *files: str) -> Listing:
    """What an adapter makes of some names, with nothing on disk."""
    listing: Listing = ADAPTERS[name](adapter=name, images=HERE).list_rows(HERE, sorted(files))
    return listing


def labels(listing: Listing) -> list[str]:
    return [row.label for row in listing.rows]


# ------------------------------------------------------------------------------------------------------------ the facts


def test_every_dataset_by_name_has_a_configuration_and_terms() -> None:
    known = fetchable()
    assert set(known) >= {"pbc", "lmu", "mll23", "raabin", "taleqani", "bloodmnist", "deepapl", "cnmc2019", "allidb"}
    for name, publication in known.items():
        dataset = load_dataset(ROOT / f"config/datasets/{name}.yaml")
        assert isinstance(dataset, RealDataset)
        assert dataset.images == Path("data") / name
        assert dataset.publication is publication
        assert publication.name == name
        assert all((publication.citation, publication.doi, publication.licence, publication.page, publication.steps))
        assert len({archive.file for archive in publication.archives}) == len(publication.archives)


def test_counts_of_classes_add_up_to_what_is_published() -> None:
    for adapter in (pbc, lmu, raabin, taleqani):
        assert sum(adapter.COUNTS.values()) == adapter.ENTRY.images_of_all
    assert sum(filter(None, bloodmnist.SPLITS.values())) == bloodmnist.ENTRY.images_of_all
    assert [len(a.COUNTS) for a in (pbc, lmu, mll23, raabin, taleqani)] == [8, 15, 18, 5, 4]
    assert sum(part["subjects"] for part in deepapl.EXPECTED.values()) == 106


def test_terms_are_told_of_published_datasets_alone() -> None:
    (told,) = terms_of(pbc.ENTRY(adapter="pbc", images=HERE))
    assert told.startswith("Licence: CC BY 4.0. Cite: Acevedo A. et al.")
    assert not terms_of(FolderDataset(adapter="image_folder", images=HERE))


# ---------------------------------------------------------------------------------------------------------- the readers


@pytest.mark.parametrize(
    "files",
    [
        ("ig/1.jpg", "neutrophil/2.jpg"),
        ("PBC_dataset_normal_DIB/ig/1.jpg", "PBC_dataset_normal_DIB/neutrophil/2.jpg", "notes.txt"),
        ("IG/more/1.jpg", "Neutrophil/2.JPG"),
    ],
    ids=["published", "a level more", "another case"],
)
def test_a_class_is_its_folders_however_it_is_spelled_and_nested(files: tuple[str, ...]) -> None:
    listing = named("pbc", *files)
    assert labels(listing) == ["ig", "neutrophil"]
    assert "2 of 17,092 images, 0 of 1,218 images of class basophil" in listing.parts[0].sentence


def test_images_of_no_class_or_of_two_are_refused() -> None:
    with pytest.raises(UserError, match=r"images/1\.jpg: lies in no folder of a class \(basophil, "):
        named("pbc", "1.jpg")
    with pytest.raises(UserError, match=r"several classes \(ig, platelet\)"):
        named("pbc", "ig/platelet/1.jpg")


def test_official_parts_are_told_apart_and_one_is_held_out() -> None:
    listing = named("raabin", "train/Neutrophil/1.jpg", "Test-A/basophil/1.jpg", "TestB/Neutrophil/1.jpg")
    assert [row.official_split for row in listing.rows] == ["TestA", "TestB", "Train"]
    assert listing.external_split == "TestA"
    (part,) = listing.parts
    assert part.found["images"] == 2
    flat = named("raabin", "Neutrophil/1.jpg", "Basophil/1.jpg")
    assert (flat.external_split, flat.parts[0].found["images"]) == ("", 2)


def test_segmented_copies_are_left_out_and_counted() -> None:
    listing = named("taleqani", "Original/Benign/1.jpg", "Segmented/Benign/1.jpg", "Original/Pro/2.jpg")
    assert labels(listing) == ["Benign", "Pro"]
    assert listing.notes == ["Left out, since they lie in Segmented: 1 images."]


def test_a_complete_copy_is_called_so() -> None:
    listing = named("taleqani", *(f"{name}/{i}.jpg" for name, n in taleqani.COUNTS.items() for i in range(n)))
    assert [part.sentence for part in listing.parts] == ["complete Taleqani ALL: 3,256 images"]


PATIENTS = "Patient_ID,Diagnosis,Cohort,Age at Diagnosis,Gender\n"


def test_deepapl_takes_patients_from_folders_and_the_rest_from_its_table(tmp_path: Path) -> None:
    rows = ["Patient_00,APL,Discovery,29,Female", "Patient_01,AML,Discovery,28,Male", "Patient_82,APL,Validation,43,F"]
    (tmp_path / "master.csv").write_text(PATIENTS + "\n".join(rows) + "\n")
    files = ["All/Patient_00/Signed slides/Blast/1.jpg", "All/patient_82/x/2.jpg", "Clinical_BM/3.jpg", "master.csv"]
    dataset = deepapl.ENTRY(adapter="deepapl", images=tmp_path)
    listing = dataset.list_rows(tmp_path, files)
    assert [(r.label, r.subject_id, r.official_split) for r in listing.rows] == [
        ("APL", "Patient_00", "Discovery"),
        ("APL", "Patient_82", "Validation"),
    ]
    assert listing.external_split == "Validation"
    assert listing.notes == ["In no patient's folder, and left out: 1 images."]
    assert listing.parts[0].sentence.startswith("a part of the DeepAPL, discovery cohort: 1 of 82 subjects")
    with pytest.raises(UserError, match=r"patient_7 have no row in master\.csv"):
        dataset.list_rows(tmp_path, [*files, "Patient_7/1.jpg"])
    with pytest.raises(UserError, match=r"need master\.csv"):
        dataset.list_rows(tmp_path, files[:3])
    for row, told in (
        ("\n\nPatient_00,ALL,Discovery,1,F", "row 4: 'ALL' in 'Discovery'; expected APL or AML"),
        ("Patient_00,ALL,Discovery,1,F", "row 2: 'ALL' in 'Discovery'; expected APL or AML"),
        (f"{rows[0]}\nPatient_00,AML,Discovery,1,F", "row 3: 'Patient_00' was named before"),
    ):
        (tmp_path / "master.csv").write_text(PATIENTS + row + "\n")
        with pytest.raises(UserError, match=told):
            dataset.list_rows(tmp_path, files)


# --------------------------------------------------------------------------------------------------------- the archives


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """An archive of members with name, type and link."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link.decode(), 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"x"))
    return path


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "C:\\out", "..\\out", "a\x01b"])
def test_no_member_leaves_its_folder(tmp_path: Path, name: str) -> None:
    bad = zipped(tmp_path / "bad.zip", {"good.txt": b"x", name: b"x"})
    with pytest.raises(UserError, match="would lie outside of the folder, or has no proper name"):
        unpack(bad, tmp_path / "here")
    also = tarred(tmp_path / "bad.tar.gz", ("good.txt", tarfile.REGTYPE, b""), (name, tarfile.REGTYPE, b""))
    with pytest.raises(UserError, match="would lie outside of the folder, or has no proper name"):
        unpack(also, tmp_path / "here")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["bad.tar.gz", "bad.zip"]


def test_links_and_devices_are_not_unpacked(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        with pytest.raises(UserError, match="ig is a link or a device"):
            unpack(tarred(tmp_path / "links.tar", ("ig", kind, b"..")), tmp_path / "here")
    info = zipfile.ZipInfo("ig")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        archive.writestr(info, "..")
    with pytest.raises(UserError, match="ig is a link or a device"):
        unpack(tmp_path / "links.zip", tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_what_systems_add_is_left_out_and_one_folder_above_all(tmp_path: Path) -> None:
    files = {"top/ig/1.jpg": b"1", "__MACOSX/top/ig/._1.jpg": b"x", "top/ig/.DS_Store": b"x", "top/ig/Thumbs.db": b"x"}
    unpack(zipped(tmp_path / "a.zip", files), tmp_path / "here", "top")
    assert [str(f.relative_to(tmp_path / "here")) for f in tmp_path.glob("here/**/*.*")] == ["ig/1.jpg"]
    unpack(tarred(tmp_path / "a.tar.gz", ("ig/2.jpg", tarfile.REGTYPE, b"")), tmp_path / "there", "top")
    assert (tmp_path / "there/ig/2.jpg").read_bytes() == b"x"


def test_broken_archives_and_others_are_told(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"ig/1.jpg": b"1" * 1000}).read_bytes()
    (tmp_path / "broken.zip").write_bytes(whole.replace(b"1" * 1000, b"1" * 999 + b"2"))
    with pytest.raises(UserError, match="a broken archive"):
        unpack(tmp_path / "broken.zip", tmp_path / "a")
    (tmp_path / "page.zip").write_text("<html>Please sign in</html>")
    with pytest.raises(UserError, match="neither a zip nor a tar archive; the server may have sent a page instead"):
        unpack(tmp_path / "page.zip", tmp_path / "b")
    twice = tarred(tmp_path / "twice.tar", ("ig/1.jpg", tarfile.REGTYPE, b""), ("ig//1.jpg", tarfile.REGTYPE, b""))
    with pytest.raises(UserError, match="one name twice"):
        unpack(twice, tmp_path / "c")


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
FILES = {f"ig/{i}.png": np.random.default_rng(i).bytes(300 + 300 * i) for i in range(6)}


def arrays_file(save: Callable[..., None], count: int) -> bytes:
    rng = np.random.default_rng(0)
    shape = (count, 8, 8, 3)
    images = {f"{split}_images": rng.integers(0, 256, shape, np.uint8) for split in ("train", "val", "test")}
    answers = {f"{split}_labels": np.arange(count)[:, None] % 2 for split in ("train", "val", "test")}
    written = io.BytesIO()
    save(written, **images, **answers)
    return written.getvalue()


def members(folder: Path) -> dict[str, bytes]:
    """What was unpacked."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.png")}


def in_tar(form: int = tarfile.PAX_FORMAT) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form) as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


def headers() -> list[int]:
    """Where the members begin in a tar archive of them."""
    with tarfile.open(fileobj=io.BytesIO(in_tar())) as archive:
        return [info.offset for info in archive]


def changed(content: bytes, at: int, by: bytes) -> bytes:
    return content[:at] + by + content[at + len(by) :]


def damaged(content: bytes) -> Iterator[bytes]:
    """Copies with a bit, some bytes or a block changed, or without their end."""
    for at in range(0, len(content), 97):
        yield changed(content, at, bytes([content[at] ^ 4]))
        yield changed(content, at, bytes(255 - value for value in content[at : at + 40]))
        yield changed(content, at, bytes(len(content[at : at + 600])))
        yield content[:at]


def refusals(content: bytes, tmp_path: Path, read: Callable[[Path, Path], None]) -> int:
    """How many damaged copies of an archive are refused; what is not gives all that the whole one does."""
    (tmp_path / "whole").write_bytes(content)
    read(tmp_path / "whole", tmp_path / "expected")
    count = 0
    for number, copy in enumerate(damaged(content)):
        (tmp_path / "copy").write_bytes(copy)
        try:
            read(tmp_path / "copy", tmp_path / str(number))
        except UnusableArchive:
            count += 1
        else:
            assert members(tmp_path / str(number)) == members(tmp_path / "expected")
    return count


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("writer", ["ustar", "GNU", "pax", "two empty blocks", "one empty block", "tar"])
def test_whole_tar_archives_are_unpacked(tmp_path: Path, writer: str, compression: str) -> None:
    content = in_tar({"ustar": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT}.get(writer, tarfile.PAX_FORMAT))
    if writer.endswith(("block", "blocks")):  # Python and GNU fill up to 20 blocks
        content = content.rstrip(b"\0")
        content += bytes(-len(content) % 512 + 512 * (2 if writer.startswith("two") else 1))
    elif writer == "tar":
        for name, one in FILES.items():
            (tmp_path / "of" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "of" / name).write_bytes(one)
        content = subprocess.run(["tar", "-cf", "-", "ig"], cwd=tmp_path / "of", check=True, capture_output=True).stdout
    (tmp_path / "a").write_bytes(COMPRESSED[compression](content))
    unpack(tmp_path / "a", tmp_path / "here")
    assert members(tmp_path / "here") == FILES


@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_tar_archive_that_ends_early_is_not_taken_for_a_whole_one(tmp_path: Path, compression: str) -> None:
    """`tarfile` ends at a damaged header as it does at the end."""
    content = in_tar()
    copies = [content[:at] for at in headers()[1:]]
    copies += [changed(content, at + 3, bytes([content[at + 3] ^ 1])) for at in headers()]
    copies += [changed(content, at, bytes(512)) for at in headers()]
    copies += [content[: at + 100] for at in headers()]
    copies.append(content.rstrip(b"\0"))
    for copy in copies:
        (tmp_path / "a").write_bytes(COMPRESSED[compression](copy))
        with pytest.raises(UnusableArchive, match=r"a broken archive|neither a zip nor a tar archive"):
            unpack(tmp_path / "a", tmp_path / "here")
        assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".xz"])
def test_a_damaged_compressed_tar_archive_is_told(tmp_path: Path, compression: str) -> None:
    assert refusals(COMPRESSED[compression](in_tar()), tmp_path, unpack) > 200


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_archive_is_told(tmp_path: Path, method: int) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    assert refusals(written.getvalue(), tmp_path, unpack) > 200


@pytest.mark.parametrize("empty", [bytes(10240), b"PK\x05\x06" + bytes(18)], ids=["tar", "zip"])
def test_an_archive_without_files_is_told(tmp_path: Path, empty: bytes) -> None:
    """What is left of a damaged directory, or of a download whose room was taken before its bytes came."""
    (tmp_path / "a").write_bytes(empty)
    with pytest.raises(UnusableArchive, match="an archive without any file"):
        unpack(tmp_path / "a", tmp_path / "here")


def test_a_zip_archive_whose_directory_hides_members_is_told(tmp_path: Path) -> None:
    content = zipped(tmp_path / "a.zip", FILES).read_bytes()
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"PK\x01\x02"))  # the last but one
    for field in (30, 32):  # lengths of its extra field and of its comment
        last = content.rindex(b"PK\x05\x06") - content.rindex(b"PK\x01\x02")
        (tmp_path / "a.zip").write_bytes(changed(content, entry + field, struct.pack("<H", last)))
        with pytest.raises(UnusableArchive, match="a broken archive"):
            unpack(tmp_path / "a.zip", tmp_path / "here")


@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header parsing")
@pytest.mark.parametrize(
    ("was", "by"),
    [
        ("(700, 8, 8, 3)", "(700, 8, 8, 3 "),
        ("(700, 8, 8, 3)", "(700, 8  8, 3)"),
        ("(700, 8, 8, 3)", "(200, 8, 8, 3)"),
        ("'shape'", " shape "),
        ("'shape'", "b'shap'"),
        ("'|u1'", "'|q1'"),
        ("(700, 1)", "(500, 1)"),
        ("(700, 1)", "(700,)  "),
        ("(700, 1)", "(7e9, 1)"),
        ("(700, 1), }        ", "(7000000000000, 1),}"),
    ],
)
def test_arrays_with_a_damaged_header_are_told(tmp_path: Path, was: str, by: str) -> None:
    content = arrays_file(np.savez, 700)  # too many to be read, and compared with a checksum, at once
    assert was.encode() in content
    (tmp_path / "a.npz").write_bytes(changed(content, content.index(was.encode()), by.encode()))
    with pytest.raises(UnusableArchive, match="not the arrays of MedMNIST, or broken"):
        unpack_arrays(tmp_path / "a.npz", tmp_path / "here", ["a", "b"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_arrays_are_told(tmp_path: Path, save: Callable[..., None]) -> None:
    content = arrays_file(save, 6)
    assert refusals(content, tmp_path, lambda file, folder: unpack_arrays(file, folder, ["a", "b"])) > 100


def test_a_broken_archive_is_downloaded_again(serve: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = serve
    content = gzip.compress(in_tar())
    (folder / "x.tar.gz").write_bytes(changed(content, len(content) // 2, bytes(40)))
    to = tmp_path / "data" / "pbc"
    words = ("data", "fetch", "pbc", "--to", str(to), "--url", f"{address}/x.tar.gz")
    assert "a broken archive" in run(*words, code=2)
    assert not to.exists()
    (folder / "x.tar.gz").write_bytes(content)
    assert "fetched." in run(*words)
    assert members(to) == FILES


def test_room_is_looked_for_before_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "a.zip", {"ig/1.jpg": b"1" * 1000})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(UserError, match=r"10 bytes are free, and a\.zip unpacks to 1,000"):
        unpack(archive, tmp_path / "here")


# ------------------------------------------------------------------------------------------------------------- fetching


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server of a folder's files."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, directory=str(folder), **options)  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as address:
        yield address, folder


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(file, "png")
    return file.getvalue()


def run(*words: str, code: int = 0) -> str:
    """What a command prints, all white space as one blank."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_a_dataset_is_fetched_once_and_whole(serve: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = serve
    files = {f"PBC_dataset_normal_DIB/{name}/1.png": picture(i) for i, name in enumerate(pbc.COUNTS)}
    zipped(folder / "PBC.zip", {**files, "__MACOSX/PBC_dataset_normal_DIB/._x": b"x"})
    to = tmp_path / "data" / "pbc"
    words = ("data", "fetch", "pbc", "--to", str(to), "--url", f"{address}/PBC.zip")
    said = run(*words)
    assert "a part of the Barcelona PBC: 8 of 17,092 images, 1 of 1,218 images of class basophil" in said
    assert "Licence: CC BY 4.0. Cite: Acevedo A. et al." in said
    assert "Patients: not published" in said
    assert sorted(f.name for f in to.parent.iterdir()) == ["pbc"]
    assert labels(list_images(pbc.ENTRY(adapter="pbc", images=to), to)) == list(pbc.COUNTS)
    record = json.loads((to / ".fetched.json").read_text())
    assert record["files"][0]["url"] == f"{address}/PBC.zip"
    (folder / "PBC.zip").unlink()
    assert "already there, nothing was downloaded" in run(*words)


def test_a_folder_with_other_images_stays_as_it_is(serve: tuple[str, Path], tmp_path: Path) -> None:
    to = tmp_path / "pbc"
    (to / "ig").mkdir(parents=True)
    (to / "ig" / "mine.png").write_bytes(picture(1))
    words = ("data", "fetch", "pbc", "--to", str(to), "--url", f"{serve[0]}/x.zip")
    assert "holds images already, and not all (a part of the Barcelona PBC: 1 of 17,092" in run(*words, code=2)
    assert [f.name for f in to.rglob("*.*")] == ["mine.png"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"stray/1.png": b"x"}, "x.zip: what came is not the dataset: stray/1.png: lies in no folder of a class"),
        ({"readme": b"x"}, "x.zip: what came is not the dataset: its archive: holds no image"),
        (None, "neither a zip nor a tar archive"),
    ],
    ids=["other images", "no images", "a page"],
)
def test_what_is_not_the_dataset_does_not_come_into_its_place(
    serve: tuple[str, Path], tmp_path: Path, content: dict[str, bytes] | None, told: str
) -> None:
    address, folder = serve
    to = tmp_path / "data" / "pbc"
    words = ("data", "fetch", "pbc", "--to", str(to), "--url", f"{address}/x.zip")
    if content is None:
        (folder / "x.zip").write_text("<html>")
    else:
        zipped(folder / "x.zip", content)
    assert told in run(*words, code=2)
    assert not to.exists()
    zipped(folder / "x.zip", {"ig/1.png": picture(1)})
    assert "fetched." in run(*words)


@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("a%20b.zip", "a b.zip"),
        ("..%2F..%2Fvictim%2Fnotes.txt", "notes.txt"),
        ("%2Fetc%2Fnotes.zip", "notes.zip"),
        ("..%5C..%5Cnotes.zip", "notes.zip"),
        ("a%2F.%2F", "a"),
        *((nameless, "") for nameless in ("", ".", "..", "%2E%2E", "a%2F..", "..%2F", "%2F", "a%00.zip", "a%0A.zip")),
    ],
)
def test_an_address_names_a_file_and_no_place(last: str, name: str) -> None:
    assert Archive(f"https://host/files/{last}?of=..%2Fx").file == name


@pytest.mark.parametrize("last", ["..%2F..%2F..%2Fvictim%2Fnotes.txt", "ABSOLUTE", "a%2F..", "a%01.zip"])
@pytest.mark.parametrize("usable", [True, False])
def test_no_address_leads_out_of_the_folder_for_downloads(
    serve: tuple[str, Path], tmp_path: Path, last: str, usable: bool
) -> None:
    address, folder = serve
    victim = tmp_path / "victim" / "notes.txt"
    victim.parent.mkdir()
    victim.write_text("mine")
    last = last.replace("ABSOLUTE", quote(str(victim), safe=""))
    sent = folder / ("index.html" if last == "a%2F.." else unquote(last).lstrip("./"))  # as the server takes it
    zipped(sent, {"ig/1.png": picture(1)})
    if not usable:
        sent.write_text("<html>")
    to = tmp_path / "some" / "where" / "pbc"
    unchecked = Publication(**{**vars(pbc.PUBLICATION), "archives": ()})
    if usable:
        fetch(unchecked, to, f"{address}/{last}")
    else:
        with pytest.raises(UserError, match=r"where/\.pbc\.fetching/[^/]+: neither a zip nor a tar archive"):
            fetch(unchecked, to, f"{address}/{last}")
    assert [f.read_text() for f in victim.parent.iterdir()] == ["mine"]
    assert {f.name for f in tmp_path.iterdir()} == {"served", "victim", "some"}
    assert {f.name for f in to.parent.iterdir()} == ({"pbc"} if usable else {".pbc.fetching"})


def test_several_archives_each_have_a_folder(serve: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = serve
    for number, name in enumerate(mll23.COUNTS):
        inner = f"{name}/" if number % 2 else ""
        zipped(folder / f"{name}.zip", {f"{inner}1.png": picture(number)})
    fetched = fetch(mll23.PUBLICATION, tmp_path / "mll23", f"{address}/")
    assert [row.path for row in fetched.listing.rows] == [f"{name}/1.png" for name in mll23.COUNTS]
    assert labels(fetched.listing) == list(mll23.COUNTS)


def test_arrays_become_images_by_split_and_class(serve: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = serve
    rng = np.random.default_rng(0)
    images = {
        split: rng.integers(0, 256, (n, 5, 4, 3), np.uint8) for split, n in (("train", 9), ("val", 8), ("test", 3))
    }
    answers = {split: np.arange(len(a)).reshape(-1, 1).astype(np.uint8) % 8 for split, a in images.items()}
    arrays = {f"{s}_images": a for s, a in images.items()} | {f"{s}_labels": a for s, a in answers.items()}
    np.savez_compressed(folder / "bloodmnist_224.npz", **arrays)
    to = tmp_path / "bloodmnist"
    words = ("data", "fetch", "bloodmnist", "--to", str(to), "--url", f"{address}/")
    assert "where md5:b718ff6835fcbdb22ba9eacccd7b2601 is published; it was removed" in run(*words, code=2)
    unchecked = Publication(**{**vars(bloodmnist.PUBLICATION), "archives": ()})
    fetched = fetch(unchecked, to, f"{address}/bloodmnist_224.npz")
    assert fetched.listing.external_split == "test"
    classes = list(pbc.COUNTS)
    for row in fetched.listing.rows:
        split, name, number = row.path.split("/")
        index = int(number.removesuffix(".png"))
        assert (split, name) == (row.official_split, row.label)
        assert classes.index(name) == answers[split][index, 0]
        assert np.array_equal(np.asarray(Image.open(to / row.path)), images[split][index])
    assert len(fetched.listing.rows) == 20


@pytest.mark.parametrize("wrong", ["float", "grey", "labels", "missing"])
def test_arrays_of_another_kind_are_told(serve: tuple[str, Path], tmp_path: Path, wrong: str) -> None:
    address, folder = serve
    image = np.zeros((1, 4, 4) if wrong == "grey" else (1, 4, 4, 3), float if wrong == "float" else np.uint8)
    label = np.array([[9 if wrong == "labels" else 0]])
    arrays = {"train_images": image, "train_labels": label} if wrong != "missing" else {}
    np.savez(folder / "x.npz", **arrays)
    unchecked = Publication(**{**vars(bloodmnist.PUBLICATION), "archives": ()})
    with pytest.raises(UserError, match="not the arrays of MedMNIST"):
        fetch(unchecked, tmp_path / "to", f"{address}/x.npz")
    assert not (tmp_path / "to").exists()


def test_where_a_source_asks_for_a_person_the_steps_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("asked for a download"))
    listed = run("data", "fetch", "--list")
    for name, publication in fetchable().items():
        assert name in listed
        if not publication.archives:
            said = run("data", "fetch", name, "--to", str(tmp_path / name))
            assert publication.page in said
            assert "Nothing was downloaded." in said
    assert not list(tmp_path.iterdir())


def test_errors_name_what_there_is(tmp_path: Path) -> None:
    assert "Did you mean 'pbc'?" in run("data", "fetch", "pcb", code=2)
    assert "no name given" in run("data", "fetch", code=2)
    to = str(tmp_path / "pbc")
    assert "expected an address that begins with" in run("data", "fetch", "pbc", "--to", to, "--url", "x.zip", code=2)


def test_a_folder_that_is_a_link_stays_one(serve: tuple[str, Path], tmp_path: Path) -> None:
    """To a larger disk, for example."""
    elsewhere = tmp_path / "large" / "disk"
    elsewhere.mkdir(parents=True)
    (tmp_path / "pbc").symlink_to(elsewhere)
    zipped(serve[1] / "x.zip", {"ig/1.png": picture(1)})
    fetch(pbc.PUBLICATION, tmp_path / "pbc", f"{serve[0]}/x.zip")
    assert (tmp_path / "pbc").is_symlink()
    assert (elsewhere / "ig" / "1.png").is_file()
    assert [f.name for f in elsewhere.parent.iterdir()] == ["disk"]


def test_real_cells_come_out_as_they_do_by_folders(serve: tuple[str, Path], tmp_path: Path, shared: Path) -> None:
    """A few of each class, in the layout of the published archive: the manifest is the same in every column."""
    source = shared / "pbc_subset"
    files = [file for name in pbc.COUNTS for file in sorted((source / name).iterdir())[:3]]
    own = tmp_path / "own"
    for file in files:
        (own / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, own / file.parent.name)
    content = {f"PBC_dataset_normal_DIB/{f.relative_to(source)}": f.read_bytes() for f in files}
    zipped(serve[1] / "PBC_dataset_normal_DIB.zip", content)
    to = tmp_path / "pbc"
    fetch(pbc.PUBLICATION, to, f"{serve[0]}/")
    by_name = scan(pbc.ENTRY(adapter="pbc", images=to), to).manifest
    by_folders = scan(FolderDataset(adapter="image_folder", images=own), own).manifest
    pd.testing.assert_frame_equal(by_name, by_folders)
    assert len(by_name) == 24


def test_the_table_of_published_datasets_says_what_their_adapters_say() -> None:
    """The names, counts, licences and ways to a copy in data/README.md."""
    lines = (Path(__file__).parents[2] / "data" / "README.md").read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    told = {cells[0].strip("`"): cells for cells in table}
    assert len(told) == len(table)
    known = fetchable()
    assert {*told, "cnmc2019", "allidb"} == set(known)
    for name, (_, title, images, classes, _, licence, how) in told.items():
        entry = ADAPTERS[name]
        counted = getattr(entry, "images_of_all", 0)  # DeepAPL publishes none
        assert title.startswith(known[name].title.removesuffix(" (224)")), name
        assert images == (f"{counted:,}" if counted else "not published"), name
        assert int(classes) == len(entry.classes), name
        if known[name].licence.startswith("CC") or licence.startswith("CC"):
            assert licence == known[name].licence
        assert how.startswith("downloaded" if known[name].archives else "steps"), name
