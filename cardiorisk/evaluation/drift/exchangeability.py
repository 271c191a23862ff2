"""Whether a model's errors on new rows look like its errors on old ones (conformal scores)."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from cardiorisk._optional import require

__all__ = ["exchangeability_p"]

MAX_ROWS = 400  # of each table: the test's cost grows with the square


def exchangeability_p(
    model: Any,
    reference: pd.DataFrame,
    y_reference: Any,
    new: pd.DataFrame,
    y_new: Any,
    *,
    n_permutations: int = 200,
    random_state: Any = 0,
) -> float:
    """Test with MAPIE whether conformal scores of old and new rows are exchangeable.

    The scores (1 less the probability of the true class) of the reference rows are followed by
    those of the new rows; a change of their mean anywhere in that order is tested by permutation
    (``mapie.exchangeability_testing.PValuePermutationTest``).

    Parameters
    ----------
    model : fitted classifier with ``predict_proba``
    reference, new : DataFrame
        Neither of them trained on. At most 400 rows of each are drawn.
    y_reference, y_new : array-like
        Labels.
    n_permutations : int, default=200
    random_state : int, RandomState instance or None, default=0

    Returns
    -------
    p : float

    References
    ----------
    Vovk V, Gammerman A, Shafer G. Algorithmic Learning in a Random World. 2022, chapter 8.
    doi:10.1007/978-3-031-06649-8
    """
    rng = check_random_state(random_state)
    parts, labels = [], []
    for table, y in ((reference, y_reference), (new, y_new)):
        rows = rng.permutation(len(table))[:MAX_ROWS]
        parts.append(table.iloc[rows])
        labels.append(np.asarray(y)[rows])
    conformal = require("mapie.classification").SplitConformalClassifier(
        model, prefit=True, conformity_score="lac"
    )
    test = require("mapie.exchangeability_testing").PValuePermutationTest(
        mapie_estimator=conformal,
        num_permutations=n_permutations,
        random_state=int(rng.randint(2**31 - 1)),
        warn=False,
    )
    test.run(pd.concat(parts, ignore_index=True), np.concatenate(labels))
    return float(test.p_values[-1])
