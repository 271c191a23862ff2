"""A training that is killed goes on from its checkpoint as if nothing had happened."""

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_nets import same_weights, small_data, small_net, squared

from cardiorisk.estimators import _training, _training_run
from cardiorisk.estimators._checkpoints import read_checkpoint, write_checkpoint
from cardiorisk.estimators._training import Schedule, train_net, weights_of
from cardiorisk.exceptions import ReadError

SCHEDULE = Schedule(
    epochs=6, batch_size=16, learning_rate=0.02, scheduler="plateau", plateau_patience=0, patience=3
)


def score(module):
    """Rises and falls, so that the best epoch is none of the last and the plateau matters."""
    return {"score": -abs(float(module.head.weight.detach().square().sum()) - 0.72)}


def train(checkpoint=None, loss=squared, module=None, **options):
    X, y = small_data()
    options = {"schedule": SCHEDULE, "random_state": 0, "n_threads": 1} | options
    options.setdefault("validate", score)
    return train_net(module or small_net(), loss, X, y, checkpoint=checkpoint, **options)


def die():
    import os

    os.kill(os.getpid(), signal.SIGKILL)


def be_killed(where, checkpoint):
    """Train in this process until it is killed: in the third epoch, or while that is written."""
    from cardiorisk.estimators import _checkpoints

    counts = {"batch": 0, "write": 0}

    def count(event, last):
        counts[event] += 1
        if counts[event] == last:
            die()

    def loss(*batch):
        if where == "batch":
            count("batch", 13)
        return squared(*batch)

    class Killer:
        @staticmethod
        def fsync(number):
            count("write", 3)

    if where == "write":
        _checkpoints.os = Killer
    train(checkpoint, loss)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("where", ["batch", "write"])
def test_a_killed_training_resumes_to_the_same_bits(where, tmp_path):
    path = tmp_path / "net.npz"
    code = f"import test_training_checkpoints as t; t.be_killed({where!r}, {str(path)!r})"
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=here, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    steps = []

    def counted(*batch):
        steps.append(1)
        return squared(*batch)

    whole = train()
    resumed = train(path, counted)
    assert len(steps) == 5 * (len(whole.history) - 2)
    assert same_weights(whole.weights, resumed.weights)
    assert (whole.best_epoch, whole.stopped_early) == (resumed.best_epoch, resumed.stopped_early)
    columns = ["error", "penalty", "loss", "score", "learning_rate"]
    assert whole.history[columns].equals(resumed.history[columns])
    assert whole.history["learning_rate"].nunique() > 1
    assert 2 < whole.best_epoch < len(whole.history)
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]


def test_a_finished_training_gives_its_result_without_a_step(tmp_path, caplog):
    caplog.set_level(logging.INFO, "cardiorisk")
    first = train(tmp_path / "net.npz")

    module = small_net()
    again = train(tmp_path / "net.npz", never_called, module)
    assert same_weights(first.weights, again.weights)
    assert same_weights(first.weights, weights_of(module))
    assert first.history.equals(again.history)
    assert any("resumed" in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"random_state": 1}, "random_state=0 there and 1 here"),
        ({"schedule": Schedule(epochs=7)}, "epochs=6 there and 7 here"),
        ({"configuration": {"weight": 2.0}}, "weight=1.0 there and 2.0 here"),
        ({"trainable": ["head"]}, r"trainable=None there and \['head'\] here"),
        ({"module": small_net(1)}, "first_weights="),
        ({"sample_weight": np.ones(70)}, "data="),
        ({"validate": None}, "validation=True there and False here"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(change, named, tmp_path):
    path = tmp_path / "net.npz"
    train(path, configuration={"weight": 1.0})
    kept = path.read_bytes()
    with pytest.raises(ValueError, match=f"of another training: .*{named}.*Name another file"):
        train(path, **({"configuration": {"weight": 1.0}} | change))
    assert path.read_bytes() == kept


def test_other_rows_are_another_training(tmp_path):
    X, y = small_data()
    options = {"schedule": SCHEDULE, "random_state": 0, "checkpoint": tmp_path / "net.npz"}
    train_net(small_net(), squared, X, y, **options)
    X[3, 1] += 1
    with pytest.raises(ValueError, match="of another training: data="):
        train_net(small_net(), squared, X, y, **options)


@pytest.mark.parametrize("content", [b"", b"not a zip", "cut", "pickle", "format"])
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path):
    path = tmp_path / "net.npz"
    write_checkpoint(path, {}, {"weights/a": np.zeros(100)}, {})
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif content == "pickle":
        np.savez(path, **{"about.json": np.array([{"a": 1}], dtype=object)})
    elif content == "format":
        about = json.dumps({"format": 9, "configuration": {}, "state": {}}).encode()
        np.savez(path, **{"about.json": np.frombuffer(about, np.uint8)})
    else:
        path.write_bytes(content)
    with pytest.raises(ReadError, match=r"net.npz (is no checkpoint|has checkpoint format 9)"):
        read_checkpoint(path, {})


def test_no_checkpoint_gives_none(tmp_path):
    assert read_checkpoint(tmp_path / "none.npz", {}) is None


def test_checkpoints_hold_arrays_and_json_only(tmp_path):
    train(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        kinds = {file[name].dtype.kind for name in file.files}
        parts = {name.partition("/")[0] for name in file.files}
    assert kinds <= {"f", "i", "u"}
    assert parts == {"about.json", "weights", "best", "optimizer"}


def test_a_checkpoint_needs_a_folder_and_an_integer_seed(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        train(tmp_path / "none" / "net.npz")
    with pytest.raises(ValueError, match="random_state=None, but expected an integer"):
        train(tmp_path / "net.npz", random_state=None)


def test_the_scale_of_a_float16_loss_is_kept(tmp_path, monkeypatch):
    """The scaled loss is for CUDA, but torch computes it on the CPU as well."""
    monkeypatch.setattr(_training, "resolve_precision", lambda wish, device: "float16")

    def once_too_large(*batch):
        once_too_large.steps += 1
        if once_too_large.steps == once_too_large.stop:
            raise KeyboardInterrupt
        terms = {name: term.float() for name, term in squared(*batch).items()}
        # An infinite gradient at the second step halves the scale, and the step is left out.
        return terms | {"huge": terms["error"] * (1e38 if once_too_large.steps == 2 else 0.0)}

    once_too_large.steps, once_too_large.stop = 0, 0
    whole = train(loss=once_too_large)
    once_too_large.steps, once_too_large.stop = 0, 13
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "net.npz", once_too_large)
    with np.load(tmp_path / "net.npz") as file:
        scale = json.loads(file["about.json"].tobytes())["state"]["scale"]
    assert scale["scale"] < 2**16
    once_too_large.stop = 0
    assert same_weights(whole.weights, train(tmp_path / "net.npz", once_too_large).weights)


def test_settings_are_those_that_json_can_hold(tmp_path):
    path = tmp_path / "net.npz"
    settings = {"weights": np.arange(2), "scale": np.float32(0.5)}
    first = train(path, configuration=settings)
    again = train(path, configuration={"weights": [0, 1], "scale": 0.5})
    assert same_weights(first.weights, again.weights)
    with pytest.raises(TypeError, match="Got a function, but a checkpoint holds JSON's types"):
        train(path, never_called, configuration={"loss": squared})


def never_called(*batch):
    raise AssertionError("a step was made")


def test_the_moments_of_the_optimizer_are_restored(tmp_path, monkeypatch):
    """Guards the guard: without the moments a resumed training ends elsewhere."""
    path = tmp_path / "net.npz"

    def stop_in_epoch_three(*batch):
        stop_in_epoch_three.steps += 1
        if stop_in_epoch_three.steps > 12:
            raise KeyboardInterrupt
        return squared(*batch)

    stop_in_epoch_three.steps = 0
    with pytest.raises(KeyboardInterrupt):
        train(path, stop_in_epoch_three)
    restore = _training_run.TrainingRun.restore

    def forgetful(run, arrays, state):
        kept = {name: v for name, v in arrays.items() if not name.startswith("optimizer")}
        restore(run, kept, state)

    monkeypatch.setattr(_training_run.TrainingRun, "restore", forgetful)
    assert not same_weights(train().weights, train(path).weights)
