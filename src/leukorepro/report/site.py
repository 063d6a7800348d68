"""The report: a static site, put together from its pages, that opens from disk without a network."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from leukorepro.core.store import read_bytes, write_bytes, write_json, write_text
from leukorepro.report.crate import METADATA, crate_metadata
from leukorepro.report.drafts import Draft, drafts
from leukorepro.report.finished import FinishedRun
from leukorepro.report.folder import earlier_files, remove_files
from leukorepro.report.frame import framed
from leukorepro.report.kept import Kept
from leukorepro.report.output import Drawing, Output, left_out
from leukorepro.report.pages.downloads import add_tables
from leukorepro.report.pages.page import Page
from leukorepro.run.paths import Results
from leukorepro.run.resolved import load_resolved
from leukorepro.run.weights import as_far_as_known


def build(
    config: Path,
    results: Path,
    output: Path,
    *,
    workers: int = 1,
    kept: Path | None = None,
    workflow: Path = Path("Snakefile"),
    pictures: bool = True,
) -> None:
    """Write the report of a run.

    Parameters
    ----------
    config : Path
        The run's resolved configuration, ``config.json``.
    results : Path
        Folder of the run: ``<study>/metrics.csv`` and, for each rung, ``<study>/<rung>/predictions.parquet`` and its
        reducers. Datasets, features and audits of printed numbers lie beside it, in ``../datasets``, ``../features``
        and ``../audit``.
    output : Path
        Folder to write: pages, ``assets``, ``figures``, ``data`` and ``workflow``. What an earlier report left there
        is removed; anything else stays.
    workers : int
        Processes that put pages together and draw pictures; the report is the same with any number of them.
    kept : Path, optional
        Folder of drawn pages, `leukorepro.report.kept`: those whose inputs have not changed are taken from it. Without
        one, all are drawn.
    workflow : Path
        The Snakefile that made the results; copied into the report with its rules.
    pictures : bool
        Whether pictures of cells are shown.

    Raises
    ------
    UserError
        If a file is missing or is not what it should be, or if the folder holds what is none of a report's.
    """
    earlier_files(output)  # refused before anything is drawn
    run = as_far_as_known(load_resolved(config), Results(results.parent))
    finished = FinishedRun(run, config, results)
    listed = list(drafts(finished, workflow))
    with ExitStack() as stack:
        store = Kept(kept or Path(stack.enter_context(TemporaryDirectory())), pictures=pictures)
        missing = [draft for draft in listed if draft.inputs is None or store.find(draft) is None]
        _draw(missing, store, workers, pictures)
        store.forget_others(listed)
        _put_up(finished, listed, store, output)


def _draw(missing: Sequence[Draft], store: Kept, workers: int, pictures: bool) -> None:
    """Put pages together and draw their pictures, as many at a time as there are workers."""
    workshops = {draft.address: store.workshop(draft) for draft in missing}
    pages = {}
    if workers == 1:
        for draft in missing:
            pages[draft.address], drawings = _put_together(draft, workshops[draft.address], pictures)
            for drawing in drawings:
                drawing.draw()
    elif missing:
        with ProcessPoolExecutor(workers) as pool:
            try:
                waiting = {
                    pool.submit(_put_together, draft, workshops[draft.address], pictures): draft for draft in missing
                }
                drawn = []
                for done in as_completed(waiting):
                    pages[waiting[done].address], drawings = done.result()
                    drawn += [pool.submit(drawing.draw) for drawing in drawings]
                for picture in drawn:
                    picture.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    for draft in missing:
        store.keep(draft, pages[draft.address], workshops[draft.address])


def _put_together(draft: Draft, workshop: Path, pictures: bool) -> tuple[Page, list[Drawing]]:
    """A page and the pictures that it waits for, perhaps in a process of its own."""
    output = Output(workshop, pictures=pictures)
    page = draft.put_together(output)
    body = add_tables(left_out(page.body), Path(page.address).stem, output)
    return replace(page, body=body), output.drawings


def _put_up(finished: FinishedRun, listed: Sequence[Draft], store: Kept, output: Path) -> None:
    """Fill the report's folder from drawn pages, and remove from it what an earlier report had and this one has not."""
    earlier = earlier_files(output)
    pages = [page for draft in listed if (page := store.find(draft)) is not None]
    texts = framed(pages, "run", finished.run.name)
    files = {address: file for draft in listed for address, file in store.files(draft).items()}
    # First, and with what describes it: of a report that is cut short nothing is taken for a finished one's.
    remove_files(output, earlier - {output / address for address in (*texts, *files)} | {output / METADATA})
    for address, text in texts.items():
        write_text(text, output / address)
    for address, file in files.items():
        write_bytes(read_bytes(file), output / address)
    write_json(crate_metadata(finished, output, [*texts, *files]), output / METADATA)
