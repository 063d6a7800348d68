"""`leukorepro serve`: a model as a page on this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, DeviceOption, MaxPixelsOption, ModelOption

LARGEST_PORT = 65_535


def serve(
    model: ModelOption,
    port: Annotated[
        int, typer.Option(min=0, max=LARGEST_PORT, help="Where it listens; 0: any port that is free.")
    ] = 8000,
    host: Annotated[
        str, typer.Option(help="Address that it listens on; at any other than the default, others can reach it.")
    ] = "127.0.0.1",
    max_mb: Annotated[int, typer.Option(min=1, max=1000, help="Size of the largest file that it takes, in MB.")] = 25,
    max_pixels: MaxPixelsOption = 100_000_000,
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Cores that compute an answer.")] = 2,
    device: DeviceOption = "auto",
) -> None:
    """Open a model as a page on this machine: drop images, see classes, probabilities, maps and warnings.

    Nothing is kept: images stay in memory until they are answered, and are not logged. Ctrl-C ends it.

    Example: `leukorepro serve --model models/mine`
    """
    from leukorepro.inference.bundle.reading import read_model
    from leukorepro.inference.card import NO_DEVICE
    from leukorepro.inference.predicting.predict import model_id
    from leukorepro.inference.predicting.ready import ready
    from leukorepro.inference.serving.about import about, page
    from leukorepro.inference.serving.answers import Answers, explainer_of
    from leukorepro.inference.serving.app import Limits, make_app
    from leukorepro.inference.serving.server import LOOPBACK, Server, address_of, listen

    limits = Limits(max_mb * 1_000_000)
    with listen(host, port) as listening:
        opened = read_model(model, device)
        for sentence in [*opened.card.caveats, NO_DEVICE]:
            print(sentence, file=sys.stderr)
        if host not in LOOPBACK:
            print(f"--host {host}: whoever reaches it can use the model; nothing is encrypted.", file=sys.stderr)
        with ready(opened, device=device, threads=threads, batch=1) as readied:
            explainer, no_maps = explainer_of(opened)
            told = about(opened.card, model_id(model, opened.name), no_maps)
            app = make_app(Answers(readied, max_pixels, explainer), page(told, limits.max_bytes), limits)
            print(f"{opened.name}: {address_of(listening)} (Ctrl-C ends it)", flush=True)
            Server(app, host).serve_on(listening)
