"""What :func:`cardiorisk.evaluation.compare` hands back."""

from dataclasses import dataclass

import pandas as pd

__all__ = ["Comparison"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Differences between models, two at a time.

    Parameters
    ----------
    table : DataFrame
        One row a pair: ``first``, ``second``, ``difference`` (first minus second), ``low``,
        ``high`` (not widened for the number of pairs), ``statistic``, ``p`` and ``p_adjusted``.
        The Bayesian test has ``p_second_higher``, ``p_equivalent`` and ``p_first_higher`` instead
        of the last three.
    scores : DataFrame of shape (n_folds, n_models)
        The metric of each model in each fold; empty where the test works on rows.
    test, metric : str
    correction : str or None
        What ``p_adjusted`` is adjusted by.
    protocol : str
        How the data were split.
    confidence : float
    notes : tuple of str
        Reservations that a reader must know.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from cardiorisk.evaluation import compare, evaluate
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> logistic = make_pipeline(StandardScaler(), LogisticRegression())
    >>> models = {"logistic": logistic, "naive Bayes": GaussianNB()}
    >>> results = {name: evaluate(m, X, y, n_bootstraps=0) for name, m in models.items()}
    >>> list(compare(results, test="delong").to_frame()[["first", "second"]].iloc[0])
    ['logistic', 'naive Bayes']
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    test: str
    metric: str
    correction: str | None
    protocol: str
    confidence: float = 0.95
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the pairs; the same as ``table``."""
        return self.table.copy()

    def __repr__(self) -> str:
        adjusted = f", p adjusted by {self.correction}" if self.correction else ""
        lines = [
            f"Comparison of {self.metric} by {self.test}: {self.protocol}; "
            f"{self.confidence:.0%} intervals{adjusted}",
            self.table.to_string(index=False, float_format=lambda value: f"{value:.3g}"),
        ]
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join(lines)
