"""Parse the command line, run one verb, and say errors in one line."""

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cardiorisk
from cardiorisk.cli import demo, ehr, features, model, report

__all__ = ["main"]

INTERRUPTED = 130  # what a shell reports for a program ended by Ctrl-C


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cardiorisk",
        description="Interpretable cardiac risk modelling on clinical tables and ECG signals.",
        epilog="Research use only. Not a medical device.",
    )
    parser.add_argument("--version", action="version", version=cardiorisk.__version__)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    shared.add_argument("--quiet", action="store_true", help="no progress bars, no messages")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in (demo, features, model, report, ehr):
        module.add_verbs(verbs, shared)
    return parser


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    print(f"cardiorisk: warning: {message}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; by default those of the process.

    Returns
    -------
    status : int
        0 for success, 1 for an error that was told in one line, 2 for unusable arguments (raised
        as SystemExit by argparse), 130 for an interruption.

    Examples
    --------
    >>> main(["predict", "no-such-model", "table.csv", "--output", "risk.csv"])
    1
    """
    arguments = _parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            arguments.run(arguments)
        except KeyboardInterrupt:
            print("cardiorisk: interrupted", file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            if arguments.debug:
                traceback.print_exc()
            print(f"cardiorisk: error: {_in_one_line(error)}", file=sys.stderr)
            return 1
    return 0


def _in_one_line(error: Exception) -> str:
    words = " ".join(str(error).split())
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{Path(error.filename)}: no such file or folder."
    if isinstance(error, KeyError) or not words:
        return f"{type(error).__name__}: {words}"
    return words
