import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from cardiorisk.evaluation._group_folds import GroupFolds


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_folds_are_those_of_scikit_learn(n_classes, seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 150, 600)
    y = rng.choice(n_classes, 600, p=rng.dirichlet(np.full(n_classes, 5.0)))
    options = {"n_splits": 2 + 2 * seed, "shuffle": True, "random_state": seed}
    ours = GroupFolds(**options).split(y, y, groups)
    theirs = StratifiedGroupKFold(**options).split(y, y, groups)
    for (_, own), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own, other)


def test_scikit_learn_still_asks_for_the_best_fold(monkeypatch):
    asked = []
    original = GroupFolds._find_best_fold

    def counted(*given, **named):
        asked.append(named)
        return original(*given, **named)

    monkeypatch.setattr(GroupFolds, "_find_best_fold", counted)
    y, groups = np.arange(40) % 2, np.arange(40) // 4
    list(GroupFolds(2).split(y, y, groups))
    assert len(asked) == 10
