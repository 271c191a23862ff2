"""The Markdown tables of the honest protocols."""

from collections.abc import Mapping

from heart_study.comparison import fold_mean
from heart_study.honest import Measured, at_one_half

Both = tuple[Measured, Measured]


def fold_lines(measured: Mapping[str, Both]) -> list[str]:
    """Random folds: the best AUROC first."""
    lines = [
        "| model | AUROC, mean of ten folds | AUROC, pooled | accuracy | precision | recall | F1 "
        "| Brier | learned | fit, CPU s | repeats |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    order = sorted(measured, key=lambda name: -fold_mean(measured[name][0]))
    return lines + [_fold_line(name, measured[name][0]) for name in order]


def _fold_line(name: str, one: Measured) -> str:
    cut = at_one_half(one.result)
    auroc = one.result.metrics["auroc"]
    cells = [
        f"{fold_mean(one):.4f}",
        f"{auroc.estimate:.3f} ({auroc.low:.3f} to {auroc.high:.3f})",
        *(f"{cut[key]:.3f}" for key in ("accuracy", "precision", "recall", "f1")),
        f"{one.result.metrics['brier'].estimate:.3f}",
        f"{one.parameters:,} {one.counted}" if one.counted else "",
        f"{one.seconds:.2f}",
        str(one.result.n_repeats),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def centre_lines(measured: Mapping[str, Both]) -> list[str]:
    """Each centre predicted by models of the other two: the best mean AUROC first."""
    first = next(iter(measured.values()))[1].result.per_fold
    centres = sorted(first["held_out"])
    lines = [
        f"| model | {' | '.join(centres)} | mean | Brier, pooled |",
        "|---" * (len(centres) + 3) + "|",
    ]
    found = []
    for name, (_, one) in measured.items():
        by_centre = one.result.per_fold.set_index("held_out")["auroc"]
        cells = [f"{by_centre[centre]:.3f}" for centre in centres]
        brier = one.result.metrics["brier"].estimate
        line = f"| {name} | {' | '.join(cells)} | {by_centre.mean():.3f} | {brier:.3f} |"
        found.append((-by_centre.mean(), line))
    return lines + [line for _, line in sorted(found)]
