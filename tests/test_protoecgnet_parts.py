"""The pieces of ProtoECGNet that need no training."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

torch = pytest.importorskip("torch")

from cardiorisk.estimators.protoecgnet.branches import (  # noqa: E402
    BRANCHES,
    PTBXL_BRANCHES,
    assign_labels,
)
from cardiorisk.estimators.protoecgnet.fusion import fit_head, link  # noqa: E402
from cardiorisk.estimators.protoecgnet.losses import (  # noqa: E402
    cluster_loss,
    contrast_loss,
    diversity_loss,
    jaccard,
    positive_weights,
    separation_loss,
)
from cardiorisk.estimators.protoecgnet.projection import (  # noqa: E402
    affordable_prototypes,
    assign_records,
)
from cardiorisk.estimators.protoecgnet.prototypes import pool_windows, window_cosines  # noqa: E402
from cardiorisk.estimators.protoecgnet.validation import macro_auroc  # noqa: E402


def test_the_published_partition_has_16_52_and_3_different_labels():
    assert [len(PTBXL_BRANCHES[name]) for name in BRANCHES] == [16, 52, 3]
    assert len({label for labels in PTBXL_BRANCHES.values() for label in labels}) == 71


@pytest.mark.parametrize(
    ("label", "branch"),
    [
        ("AFIB", "rhythm"),
        ("c24_AFIB_AFL", "rhythm"),
        ("c24_TACHY", "rhythm"),
        ("c24_NORM", "diffuse"),
        ("abnormal Q wave", "morphology"),
        ("LVH", "morphology"),
        ("ventricular pacing", "rhythm"),
    ],
)
def test_auto_reads_the_branch_from_the_name(label, branch):
    assert assign_labels([label], "auto") == {branch: (0,)}


@pytest.mark.parametrize(
    "branches",
    ["ptbxl", "none", {"rhythm": ["a"]}, {"form": ["a", "b"]}, {"rhythm": "ab"}],
)
def test_labels_that_fit_no_branch_are_refused(branches):
    with pytest.raises(ValueError, match="Got"):
        assign_labels(["a", "b"], branches)


def test_cosines_are_those_of_whole_windows():
    rng = np.random.default_rng(0)
    latent, prototypes = rng.normal(size=(2, 3, 7)), rng.normal(size=(4, 3, 2))
    found = window_cosines(torch.tensor(latent), torch.tensor(prototypes)).numpy()
    for b in range(2):
        for p in range(4):
            for w in range(6):
                piece = latent[b, :, w : w + 2]
                norms = np.linalg.norm(piece) * np.linalg.norm(prototypes[p])
                assert found[b, p, w] == pytest.approx((piece * prototypes[p]).sum() / norms)


def test_pooling_takes_the_windows_that_it_names():
    cosines = torch.tensor([[[0.2, 0.8, 0.6, 0.0]]])
    pooled = [pool_windows(cosines, how, 2).item() for how in ("max", "mean", "topk")]
    assert pooled == pytest.approx([0.8, 0.4, 0.7])


def test_positive_weights_are_finite_for_a_label_without_positives():
    y = np.zeros((1000, 3), np.float32)
    y[0, 0] = y[:500, 1] = 1
    for rule in ("balanced", "published"):
        weights = positive_weights(y, rule, limit=20)
        assert np.isfinite(weights).all()
        assert weights.max() <= 20
        assert weights[2] == 1
    assert positive_weights(y, "published", 1e6)[1] == pytest.approx(1 / 500)


def test_separation_spares_the_prototypes_of_other_present_labels():
    own, y = torch.eye(3), torch.tensor([[1.0, 1.0, 0.0]])
    similarity = torch.tensor([[0.9, 0.8, 0.1]])
    assert separation_loss(similarity, own, y).item() == pytest.approx(0.1)
    assert separation_loss(similarity, own, y, published=True).item() == pytest.approx(
        (0.8 + 0.9 + 0.9) / 3
    )


def test_clustering_is_not_diluted_by_absent_labels():
    own, y = torch.eye(3), torch.tensor([[1.0, 1.0, 0.0]])
    similarity = torch.tensor([[0.9, 0.7, 0.1]])
    assert cluster_loss(similarity, own, y).item() == pytest.approx(-0.8)
    assert cluster_loss(similarity, own, y, published=True).item() == pytest.approx(-1.6 / 3)


def test_diversity_is_zero_at_right_angles_only():
    assert diversity_loss(torch.eye(3)).item() == pytest.approx(0, abs=1e-12)
    assert diversity_loss(torch.ones(3, 3)).item() == pytest.approx(6 / 9)


def test_contrast_is_less_where_labels_that_come_together_are_close():
    own = torch.eye(3)
    together = torch.from_numpy(jaccard(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]])))
    close = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    assert contrast_loss(close, own, together) < contrast_loss(close[[0, 2, 1]], own, together)


def test_contrast_equals_the_published_formula():
    rng = np.random.default_rng(0)
    prototypes, own = rng.normal(size=(6, 4)), np.eye(3)[[0, 0, 1, 1, 2, 2]]
    index = jaccard(rng.integers(0, 2, (30, 3)).astype(float)).astype(float)
    unit = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
    cosines = np.clip(unit @ unit.T, -1 + 1e-6, 1 - 1e-6)
    m = own @ index @ own.T
    n = 1 - m
    expected = -((cosines * m).sum() / (m.sum() + 1e-6)) + (cosines * n).sum() / (n.sum() + 1e-6)
    found = contrast_loss(*(torch.tensor(x) for x in (prototypes, own, index)))
    assert found.item() == pytest.approx(expected / 6**0.5)


def test_assignment_is_distinct_and_optimal():
    rng = np.random.default_rng(0)
    similarity = rng.random((30, 12))
    similarity[3] += 1  # the nearest of all prototypes
    allowed = np.ones((30, 12), bool)
    records = assign_records(similarity, allowed)
    assert len(set(records)) == 12
    rows, columns = linear_sum_assignment(similarity.T, maximize=True)
    assert similarity[records, range(12)].sum() == pytest.approx(similarity.T[rows, columns].sum())
    assert set(assign_records(similarity, allowed, "nearest")) == {3}


def test_assignment_never_leaves_the_label():
    rng = np.random.default_rng(1)
    allowed = rng.random((40, 8)) < 0.3
    records = assign_records(rng.random((40, 8)) + 10 * ~allowed, allowed)
    assert allowed[records, range(8)].all()


def test_a_label_gets_no_more_prototypes_than_it_has_records():
    y = np.zeros((20, 3), np.float32)
    y[:2, 0] = y[:2, 1] = y[2:, 2] = 1  # the first two labels share their two records
    labels = affordable_prototypes(y, 3)
    assert (labels == 2).sum() == 3
    assert (labels < 2).sum() == 2
    assert len(set(assign_records(np.ones((20, 5)), y[:, labels] > 0))) == 5


def test_macro_auroc_is_over_the_whole_set_and_skips_labels_of_one_value():
    rng = np.random.default_rng(0)
    y = (rng.random((200, 3)) < 0.3).astype(float)
    y[:, 2] = 0
    score = y + rng.normal(size=y.shape)
    from sklearn.metrics import roc_auc_score

    assert macro_auroc(y, score) == pytest.approx(roc_auc_score(y[:, :2], score[:, :2]))
    assert np.isnan(macro_auroc(y[:0], score[:0]))


@pytest.mark.parametrize("one_label", [False, True])
def test_a_head_is_scikit_learns_logistic_regression_on_standardised_similarities(one_label):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    similarity = rng.normal(size=(300, 4)) * [1, 13, 4, 0.1]
    code = (similarity[:, 0] + rng.normal(size=300) > 0).astype(int) + (similarity[:, 3] > 0.05)
    y = np.eye(3)[code] if one_label else (code > 0)[:, None].astype(float)
    head = fit_head(similarity, y, one_label=one_label, l2=0.01)
    reference = LogisticRegression(C=1 / (0.01 * 300), tol=1e-8, max_iter=2000)
    standard = StandardScaler().fit_transform(similarity)
    reference.fit(standard, code if one_label else code > 0)
    expected = reference.predict_proba(standard)
    found = link(head.logits(similarity), one_label)
    assert np.allclose(found, expected if one_label else expected[:, 1:], atol=1e-3)


def test_a_branch_of_another_scale_gets_the_same_say():
    rng = np.random.default_rng(0)
    similarity, y = rng.normal(size=(200, 6)), rng.integers(0, 2, (200, 2))
    logits = fit_head(similarity, y, one_label=False, l2=0.1).logits(similarity)
    scaled = similarity * [1, 1, 13, 13, 4, 4]
    assert np.allclose(
        fit_head(scaled, y, one_label=False, l2=0.1).logits(scaled), logits, atol=1e-3
    )


def test_the_l1_penalty_sets_weights_to_zero():
    rng = np.random.default_rng(0)
    similarity, y = rng.normal(size=(200, 20)), rng.integers(0, 2, (200, 1))
    y[:, 0] = similarity[:, 0] > 0
    head = fit_head(similarity, y, one_label=False, l2=0.0, l1=0.05)
    assert (head.weights[:, 0] != 0).sum() < 10
    assert head.weights[0, 0] > 0
