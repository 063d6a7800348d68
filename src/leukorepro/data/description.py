"""A scan in words, for a terminal or a log: a table of its classes, and what must be known of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from leukorepro.config.datasets import UnattributedDataset
from leukorepro.config.joined import StudiedDataset
from leukorepro.core.errors import some
from leukorepro.data.crops import in_words
from leukorepro.data.scan import Scan

SHOWN = 30
"""Classes that have a row, and unreadable files that are named; all are in the manifest."""


def headline(scan: Scan) -> str:
    """How many image files there are, and how many can be read."""
    return f"{scan.summary['images']:,} image files, {scan.summary['readable']:,} readable"


def class_table(scan: Scan) -> Table:
    """How many images, subjects and photographs each class has, and how many of its files cannot be read."""
    s, manifest = scan.summary, scan.manifest
    labels = sorted(set(manifest["label"]))
    unreadable = manifest["label"][manifest["status"] != "ok"].value_counts()
    columns = {
        "images": (s["classes"], s["readable"]),
        "unreadable": (unreadable.to_dict(), s["images"] - s["readable"]),
        "subjects": (s["subjects"], s["subjects_total"]),
        "source photographs": (s["sources"], s["sources_total"]),
    }
    if not s["unreadable"]:
        del columns["unreadable"]
    if not s["subjects_total"]:
        del columns["subjects"]
    if s["sources_total"] == s["readable"]:
        del columns["source photographs"]
    table = Table(header_style="bold", show_footer=True)
    table.add_column("class", "in all", overflow="fold")  # "all" is a leukaemia
    for heading, (_, total) in columns.items():
        table.add_column(heading, f"{total:,}", justify="right")
    for label in labels[:SHOWN]:
        table.add_row(Text(label or "(no label)"), *(f"{counts.get(label, 0):,}" for counts, _ in columns.values()))
    if len(labels) > SHOWN:
        table.add_row(f"and {len(labels) - SHOWN:,} more")
    return table


def describe(scan: Scan, dataset: StudiedDataset) -> str:
    """Tell a scan's rest in plain text: what is not known, what was converted or left out, and what looks wrong.

    Parameters
    ----------
    scan : Scan
        What was found.
    dataset : StudiedDataset
        What was scanned; it decides which ways to name subjects are offered where none are known.
    """
    s = scan.summary
    lines = []
    if not s["subjects_total"]:
        options = "; --subjects-csv, --subject-regex or --subject-level names them"
        name_them = options if isinstance(dataset, UnattributedDataset) else ""
        lines.append(
            "Subjects are not known: no split can keep a patient on one side, and the rung subject_disjoint is left out"
            f"{name_them}."
        )
    for split, counts in s["splits"].items():
        held_out = " (held out)" if split == s["external_split"] else ""
        lines.append(f"{split}{held_out}: {', '.join(f'{n:,} {label}' for label, n in counts.items())}")
    lines += [
        f"site {site}: {', '.join(f'{n:,} {label}' for label, n in of.items())}" for site, of in s["sites"].items()
    ]
    lines += [f"{width} x {height} pixels: {count:,} images" for width, height, count in s["sizes"][:3]]
    if len(s["sizes"]) > 3:
        lines.append(f"{len(s['sizes']) - 3:,} other sizes")
    lines += _block("Completeness", s["completeness"])
    lines += _block(
        "Converted to 8-bit RGB",
        [f"{one['what']}: {one['images']:,} ({some(one['examples'], 3)})" for one in s["conversions"]],
    )
    across = [one for one in s["equal_content"] if len(set(one["subjects"]) - {""}) > 1]
    if s["equal_content"]:
        text = f"{len(s['equal_content']):,} sets of equal images"
        lines += _block(
            "Kept together from the source-disjoint rung on", [f"{text}, {len(across):,} of them across subjects"]
        )
    if s["crops"]:
        lines += _block("Crops and photographs", in_words(s["crops"]))
    lines += _block(
        "Left out, as the dataset's configuration says",
        [f"{one['images']:,} with {one['column']} '{one['value']}'" for one in s["excluded"]],
    )
    lines += _block("Notes", s["notes"])
    if s["ignored"]:
        lines += _block("Other files, ignored", [", ".join(f"{n:,} {name}" for name, n in s["ignored"].items())])
    lines += _block(
        "Equal images under different classes",
        [
            " = ".join(f"{i} ({row})" for i, row in zip(one["images"], one["labels"], strict=True))
            for one in s["label_conflicts"]
        ],
    )
    unreadable = [f"{one['image_id']}: {one['status']}: {one['reason']}" for one in s["unreadable"]]
    more = [f"and {len(unreadable) - SHOWN:,} more"] if len(unreadable) > SHOWN else []
    lines += _block("Unreadable, left out", [*unreadable[:SHOWN], *more])
    lines += _block("Look at these before you go on", s["suspicions"])
    return "\n".join(lines)


def _block(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []
