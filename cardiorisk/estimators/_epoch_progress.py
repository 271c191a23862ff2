"""A progress bar over the batches of a training."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cardiorisk._optional import require
from cardiorisk.estimators._training_run import TrainingRun

__all__ = ["epoch_progress", "in_words"]


@contextmanager
def epoch_progress(
    run: TrainingRun, verbose: int
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Show the terms of the last batch and the metrics of the last epoch.

    Parameters
    ----------
    run : TrainingRun
    verbose : int
        0 shows nothing.

    Yields
    ------
    tell : callable
        To be called with the terms of each batch.
    """
    if not verbose:
        yield lambda terms: None
        return
    steps = -(-run.n_rows // run.schedule.batch_size)
    epochs, done = run.schedule.epochs, len(run.history)
    bar = require("tqdm").tqdm(total=epochs * steps, initial=done * steps, unit="batch")

    def tell(terms: Mapping[str, float]) -> None:
        shown = dict(run.history[-1]) if run.history else {}
        shown.pop("seconds", None)
        bar.set_description(f"epoch {len(run.history) + 1}/{epochs}", refresh=False)
        bar.set_postfix_str(in_words(shown | dict(terms)), refresh=False)
        bar.update()

    with bar:
        yield tell


def in_words(row: Mapping[str, float]) -> str:
    """Write names and values in one line.

    Examples
    --------
    >>> in_words({"loss": 0.25, "seconds": 2})
    'loss 0.25, seconds 2'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items())
