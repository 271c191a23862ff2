"""Train the network of the learned delineation engine on LUDB and simulated ECGs.

``python -m cardiorisk.features._train_wave_net --help``. Needs torch and LUDB. First comes
cross-validation over patients, whose table is printed, then a network of all records, whose
weights are written.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold

from cardiorisk._optional import require
from cardiorisk.datasets import fetch_ludb
from cardiorisk.features._mark_scores import score_marks
from cardiorisk.features._native_engine import mark_waves
from cardiorisk.features._wave_augmentation import Example, augmented
from cardiorisk.features._wave_examples import ludb_examples, simulated_examples
from cardiorisk.features._wave_net import (
    SPREAD_FLOOR,
    STEP,
    STRIDE,
    WAVES,
    WaveNet,
    Weights,
)
from cardiorisk.records import STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["cross_validate", "train"]

EPOCHS = 400
BATCH = 6
FEW_LEADS, FEW_SHARE = 5, 0.65  # most batches see few leads: faster, and any set must do
CALM_SHARE = 0.7  # of the records in the end, none at the start; so much fewer batches of few leads
LEARNING_RATE, WARM_UP = 3e-3, 1 / 12
AVERAGING = 0.998  # share of the running mean of the weights that a step keeps
COMMON_LOSS = 0.3  # weight of the loss of all leads together
SIMULATED_SHARE = 0.4  # simulated records for each real one in an epoch
STEM, TRUNK, HEAD = 20, (56, 64, 72, 72), 20  # channels

logger = logging.getLogger(__name__)


def build_net() -> Any:
    """Build the network, a ``torch.nn.Module``; its parts have the names of the weights."""
    torch = require("torch", extra="nn")
    nn, functional = torch.nn, torch.nn.functional

    def layer(inputs: int, outputs: int, width: int, stride: int = 1) -> Any:
        convolution = nn.Conv1d(inputs, outputs, width, stride, width // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm1d(outputs), nn.ReLU())

    def doubled(x: Any) -> Any:
        return functional.interpolate(x, scale_factor=2, mode="linear", align_corners=False)

    class WaveNet(nn.Module):  # type: ignore[name-defined]  # torch is imported late
        def __init__(self) -> None:
            super().__init__()
            n_waves, depth = len(WAVES), len(TRUNK)
            self.stem = nn.ModuleList(
                [layer(1, STEM, 17, STEP), layer(STEM, STEM, 7), layer(STEM, STEM, 7)]
            )
            self.places = nn.Embedding(1 + len(STANDARD_LEADS), STEM, padding_idx=0)
            nn.init.zeros_(self.places.weight)
            widths = [3 * STEM, *TRUNK]
            self.down = nn.ModuleList(
                layer(widths[i], widths[i + 1], 5, 2 if i else 1) for i in range(depth)
            )
            self.bottom = nn.ModuleList(layer(TRUNK[-1], TRUNK[-1], 5) for _ in range(2))
            self.up = nn.ModuleList(
                layer(TRUNK[i] + TRUNK[i + 1], TRUNK[i], 5) for i in range(depth - 1)
            )
            self.scores = nn.Conv1d(TRUNK[0], n_waves, 1)
            self.head = nn.ModuleList(
                [layer(TRUNK[0] + n_waves + STEM, HEAD, 5), layer(HEAD + STEM, HEAD, 7)]
            )
            self.out = nn.Conv1d(HEAD, STEP * n_waves, 5, padding=2)

        def trunk(self, stems: Any, present: Any) -> Any:
            """(batch, leads, channels, n) -> (batch, features and scores, n)."""
            shown = present[:, :, None, None]
            count = shown.sum(1).clamp(min=1)
            mean = (stems * shown).sum(1) / count
            spread = (((stems - mean[:, None]) ** 2 * shown).sum(1) / count + SPREAD_FLOOR).sqrt()
            x, levels = torch.cat([mean, (stems * shown).amax(1), spread], 1), []
            for down in self.down:
                x = down(x)
                levels.append(x)
            for bottom in self.bottom:
                x = bottom(x)
            for up, level in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
                x = up(torch.cat([doubled(x), level], 1))
            return torch.cat([x, self.scores(x)], 1)

        def forward(self, leads: Any, present: Any, places: Any) -> tuple[Any, Any]:
            """Scores of each lead (batch, leads, 3, samples), of all (batch, 3, samples)."""
            batch, n_leads, n = leads.shape
            first = self.stem[0](leads.reshape(batch * n_leads, 1, n))
            told = self.stem[1](first) + self.places(places.reshape(-1))[..., None]
            stems = self.stem[2](told)
            seen = self.trunk(stems.reshape(batch, n_leads, STEM, -1), present)
            shared = seen.repeat_interleave(n_leads, dim=0)
            hidden = self.head[0](torch.cat([shared, stems], 1))
            out = self.out(self.head[1](torch.cat([hidden, first], 1)))
            out = out.reshape(batch, n_leads, len(WAVES), STEP, -1).transpose(3, 4)
            common = functional.interpolate(seen[:, TRUNK[0] :], scale_factor=STEP, mode="linear")
            return out.reshape(batch, n_leads, len(WAVES), n), common

    return WaveNet()


def folded(net: Any) -> Weights:
    """Weights for :class:`~cardiorisk.features._wave_net.WaveNet`."""
    weights = {"places": net.places.weight}
    for part in ("stem", "down", "bottom", "up", "head"):
        for number, (convolution, norm, _) in enumerate(getattr(net, part)):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            weights[f"{part}{number}.weight"] = convolution.weight * scale[:, None, None]
            weights[f"{part}{number}.bias"] = norm.bias - norm.running_mean * scale
    for part in ("scores", "out"):
        weights[f"{part}.weight"] = getattr(net, part).weight
        weights[f"{part}.bias"] = getattr(net, part).bias
    return {name: _stored(values.detach().numpy()) for name, values in weights.items()}


def _stored(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Round to what the file holds; a kernel becomes (width, channels, outputs)."""
    ordered = values.transpose(2, 1, 0) if values.ndim == 3 else values
    return np.ascontiguousarray(ordered.astype(np.float16).astype(np.float32))


class Batch(NamedTuple):
    """Tensors of some records, as in Example; ``present`` is (batch, leads)."""

    leads: Any
    waves: Any
    weight: Any
    places: Any
    present: Any


def _batches(
    real: Sequence[Example],
    simulated: Sequence[Example],
    calm_share: float,
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """Every real record once, and some simulated ones."""
    torch = require("torch", extra="nn")
    some = rng.choice(len(simulated), int(len(real) * SIMULATED_SHARE), replace=False)
    pool = [*real, *(simulated[number] for number in some)]
    order = rng.permutation(len(pool))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        few = rng.random() < FEW_SHARE * (1 - calm_share)
        n_leads = FEW_LEADS if few else len(pool[0].leads)
        drawn = [
            augmented(pool[i], n_leads, rng, calm=rng.random() < calm_share)
            for i in order[start : start + BATCH]
        ]
        parts = [np.stack(part) for part in zip(*(example for example, _ in drawn), strict=True)]
        more = -parts[0].shape[2] % STRIDE
        for number, part in enumerate(parts[:3]):
            parts[number] = np.pad(part, [(0, 0), (0, 0), (0, more), (0, 0)][: part.ndim])
        parts.append(np.stack([present for _, present in drawn]))
        yield Batch(*map(torch.from_numpy, parts))


def losses(net: Any, batch: Batch) -> dict[str, Any]:
    """Cross-entropy of each lead, and of all leads against the share of them in a wave."""
    torch = require("torch", extra="nn")
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    with torch.autocast("cpu", torch.bfloat16):  # no less exact here, and 1.7 times faster
        own, common = net(batch.leads * batch.present[:, :, None], batch.present, batch.places)
    target, weight = batch.waves.transpose(2, 3), batch.weight[:, :, None]
    usual = (target * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
    each = entropy(own.float(), target, reduction="none") * weight
    known = (batch.weight.amax(1) > 0).float()[:, None]
    together = entropy(common.float(), usual, reduction="none") * known
    return {
        "lead": each.sum() / weight.sum(),
        "common": COMMON_LOSS * together.sum() / known.sum(),
    }


def train(
    real: Sequence[Example], simulated: Sequence[Example], n_epochs: int, random_state: int = 0
) -> Weights:
    """Train one network; the running mean of its weights is what is returned.

    Parameters
    ----------
    real, simulated : sequence of Example
    n_epochs : int
        Passes over the real examples.
    random_state : int, default=0

    Returns
    -------
    weights : mapping of str to ndarray of float32
        For :class:`~cardiorisk.features._wave_net.WaveNet`.
    """
    torch = require("torch", extra="nn")
    rng = np.random.default_rng(random_state)
    with torch.random.fork_rng():
        torch.manual_seed(random_state)
        net = build_net()
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGING), use_buffers=True
    )
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=1e-2)
    for epoch in range(n_epochs):
        done = epoch / n_epochs
        rate = LEARNING_RATE * min(1.0, done / WARM_UP + 0.05) * 0.5 * (1 + np.cos(np.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        total = 0.0
        for batch in _batches(real, simulated, CALM_SHARE * done, rng):
            loss = sum(losses(net, batch).values())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            average.update_parameters(net)
            total += loss.item()
        logger.info("epoch %d of %d, summed loss %.3f", epoch + 1, n_epochs, total)
    return folded(average.module)


def cross_validate(
    records: Sequence[ECGRecord], marks: Sequence[Delineation], n_epochs: int, folder: Path | None
) -> list[Delineation]:
    """Mark every record by a network that has not seen its patient.

    With ``folder``, the weights of each fold are kept there with the ids of its test records.
    """
    real, simulated = ludb_examples(records, marks), simulated_examples()
    found: dict[int, Delineation] = {}
    splits = KFold(5, shuffle=True, random_state=0).split(real)  # one record a patient
    for number, (train_rows, test_rows) in enumerate(splits):
        weights = train([real[row] for row in train_rows], simulated, n_epochs, number)
        net = WaveNet(weights)
        found |= {row: mark_waves(records[row], net) for row in test_rows.tolist()}
        if folder is not None:
            tested = np.array([records[row].record_id for row in test_rows])
            write_weights(folder / f"fold{number}.npz", weights, tested=tested)
    return [found[row] for row in range(len(real))]


def write_weights(path: Path, weights: Weights, **more: npt.NDArray[Any]) -> None:
    """Write plain arrays, in half precision."""
    arrays: dict[str, Any] = {name: part.astype(np.float16) for name, part in weights.items()}
    np.savez_compressed(path, **(arrays | more))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "data/wave_net.npz")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--folds", type=Path, help="folder for the weights of the folds")
    parser.add_argument("--no-cross-validation", action="store_true")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ludb = fetch_ludb()
    if not asked.no_cross_validation:
        found = cross_validate(ludb.records, ludb.marks, asked.epochs, asked.folds)
        logger.info("%s", score_marks(ludb.marks, found).round(2))
    real = ludb_examples(ludb.records, ludb.marks)
    write_weights(asked.output, train(real, simulated_examples(), asked.epochs))


if __name__ == "__main__":
    main()
