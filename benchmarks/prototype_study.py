"""What the benchmarks of ProtoECGNet share: macro-AUROC with intervals, and the black box."""

import numpy as np

from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._schedule import Schedule
from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators.protoecgnet.branch_net import BranchNet
from cardiorisk.estimators.protoecgnet.branch_training import Examples, train_branch
from cardiorisk.estimators.protoecgnet.branches import BRANCHES
from cardiorisk.estimators.protoecgnet.settings import branch_plan, objective_of
from cardiorisk.evaluation.discrimination import auroc, cumulative_counts, rank
from cardiorisk.evaluation.intervals import bootstrap_interval, estimate_and_resamples

N_BOOTSTRAPS = 1000


def macro_intervals(y, scores, groups=None, n_bootstraps=N_BOOTSTRAPS):
    """Macro-AUROC of each model, and its difference from the last one.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n, n_labels)
        Labels that are all present or all absent are left out.
    scores : mapping of str to ndarray of shape (n, n_labels)
    groups : ndarray of shape (n,), optional
        Patients, drawn whole.

    Returns
    -------
    found : dict of str to (Interval, Interval)
    """
    both = np.flatnonzero(y.min(axis=0) != y.max(axis=0))
    rankings = [
        [rank(y[:, k].astype(bool), np.asarray(score[:, k], float)) for k in both]
        for score in scores.values()
    ]

    def statistic(weights):
        found = [
            np.nanmean([auroc(*cumulative_counts(one, weights)) for one in model], axis=0)
            for model in rankings
        ]
        return np.stack(found, axis=1)

    options = {"groups": groups, "n_bootstraps": n_bootstraps, "random_state": 0}
    estimate, samples = estimate_and_resamples(statistic, len(y), **options)
    less, less_samples = estimate - estimate[-1], samples - samples[:, -1:]
    return {
        name: (
            bootstrap_interval(estimate[at], samples[:, at], bias_corrected=False),
            bootstrap_interval(less[at], less_samples[:, at], bias_corrected=False),
        )
        for at, name in enumerate(scores)
    }


def total_epochs(model):
    """Epochs of the black box with the computing of all stages of a branch.

    An epoch of prototypes on a backbone that stands still needs no way back through it, and costs
    about a third.
    """
    return model.backbone_epochs + -(-model.prototype_epochs // 3) + model.joint_epochs


def black_box_net(model, branch, signals, labels, seed):
    """Train the backbone of a branch with a linear layer on its mean over time."""
    plan = branch_plan(
        model,
        branch,
        *signals.shape[1:],
        np.arange(labels.shape[1]),
        labels.shape[1],
        labels.shape[1],
    )
    with seeded(seed):
        net = BranchNet(plan)
    schedule = Schedule(
        epochs=total_epochs(model),
        batch_size=model.batch_size,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
        optimizer=model.optimizer,
    )
    examples = Examples(signals, labels, labels)
    train_branch(net, examples, examples[:0], objective_of(model), {"backbone": schedule}, seed)
    return net


def black_box_logits(net, signals):
    """Logits of the linear layer on the backbone."""
    return net_outputs(net, signals, call=net.black_box)


def black_box(model, signals, labels, train, test, seed):
    """Logits of the three black boxes on the test records, and their mean.

    Parameters
    ----------
    model : ProtoECGNetClassifier
        Whose backbones, loss weights and budget are used.
    signals : ndarray of float32, shape (n, n_leads, n_samples)
    labels : ndarray of float32, shape (n, n_labels)
    train, test : ndarray of int
    seed : int
    """
    found = {}
    for place, branch in enumerate(BRANCHES):
        net = black_box_net(model, branch, signals[train], labels[train], seed + 1000 * place)
        found[branch] = black_box_logits(net, signals[test])
    return found | {"mean": np.mean(list(found.values()), axis=0)}
