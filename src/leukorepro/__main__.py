"""The command line as `python -m leukorepro`."""

from leukorepro.cli.app import app

if __name__ == "__main__":
    app(prog_name="leukorepro")
