"""A classifier killed in mid-training goes on from its folder as if nothing had happened."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from cardiorisk.datasets import make_ecg
from cardiorisk.estimators import ProtoECGNetClassifier, _training_run

EPOCHS_BEFORE_DEATH = 5  # of 8: in the joint stage of the second branch


def fitted(folder=None):
    ecgs = make_ecg(
        24, rhythms=["sinus rhythm", "atrial fibrillation"], sampling_rate=100, random_state=0
    )
    settings = {"width": 4, "latent_dim": 8, "prototypes_per_class": 2, "random_state": 0}
    branches = {name: list(ecgs.target_names) for name in ("rhythm", "morphology")}
    model = ProtoECGNetClassifier(
        branches=branches,
        backbone_epochs=2,
        prototype_epochs=1,
        joint_epochs=1,
        checkpoint=folder,
        **settings,
    )
    return model.fit(ecgs.records, ecgs.target)


def be_killed(folder):
    """Train in this process until it dies within an epoch."""
    import os

    epoch, counted = _training_run.TrainingRun.epoch, []
    step = _training_run.TrainingRun.step

    def counting(run, tell):
        counted.append(1)
        return epoch(run, tell)

    def dying(run, rows):
        if len(counted) > EPOCHS_BEFORE_DEATH:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(run, rows)

    _training_run.TrainingRun.epoch, _training_run.TrainingRun.step = counting, dying
    fitted(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_killed_classifier_resumes_to_the_same_bits(tmp_path, monkeypatch):
    code = f"import test_protoecgnet_resume as t; t.be_killed({str(tmp_path)!r})"
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=here, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    epochs, epoch = [], _training_run.TrainingRun.epoch

    def counting(run, tell):
        epochs.append(1)
        return epoch(run, tell)

    whole = fitted()
    monkeypatch.setattr(_training_run.TrainingRun, "epoch", counting)
    resumed = fitted(tmp_path)
    assert 0 < len(epochs) == len(whole.history_["stage"]) - EPOCHS_BEFORE_DEATH
    assert list(whole.weights_) == list(resumed.weights_)
    for name, values in whole.weights_.items():
        assert values.tobytes() == resumed.weights_[name].tobytes(), name
    for name, head in whole.heads_.items():
        assert np.array_equal(head["weights"], resumed.heads_[name]["weights"])
    assert whole.prototypes_.equals(resumed.prototypes_)
