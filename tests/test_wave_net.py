from importlib.resources import files

import numpy as np
import pytest
from scipy.signal import correlate

from cardiorisk.features._convolution import convolved, empty_rows, kernel, padded
from cardiorisk.features._wave_net import (
    SPREAD_FLOOR,
    WaveNet,
    _doubled,
    _gather,
    _probabilities,
    lead_places,
    load_weights,
    shipped_net,
)


def convolved_by_scipy(x, weight, bias):
    """(n_leads, channels, n) with (width, channels, outputs), zeros beyond, lead by lead."""
    reach = len(weight) // 2
    wider = np.pad(x.astype(float), ((0, 0), (0, 0), (reach, reach)))
    lines = [
        [
            sum(correlate(lead[i], weight[:, i, o], "valid") for i in range(len(lead))) + bias[o]
            for o in range(weight.shape[2])
        ]
        for lead in wider
    ]
    return np.array(lines)


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize(
    ("stride", "width", "n"), [(1, 7, 40), (1, 5, 1), (1, 3, 97), (2, 5, 46), (4, 17, 128)]
)
def test_convolution_agrees_with_scipy(stride, width, n, rectified):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(3, 2, n)), rng.normal(size=(width, 2, 8))
    bias = rng.normal(size=8)
    expected = convolved_by_scipy(x, weight, bias)[..., ::stride]
    expected = np.maximum(expected, 0) if rectified else expected
    x, weight, bias = (values.astype(np.float32) for values in (x, weight, bias))
    by = kernel(weight, bias, stride)
    found = convolved([padded(x[:, :1]), padded(x[:, 1:])], by, rectified=rectified)
    np.testing.assert_allclose(found.inside, expected, rtol=1e-4, atol=1e-5)
    around = found.values.copy()
    around[..., 16 : 16 + found.n_samples] = 0
    assert not around.any()  # what lies beyond is zero for the next convolution


def test_convolution_is_added_to_what_all_leads_share():
    rng = np.random.default_rng(0)
    x, weight, shared = (
        rng.normal(size=size).astype(np.float32) for size in ((3, 2, 33), (5, 2, 4), (1, 4, 33))
    )
    by = kernel(weight, np.full(4, 100, np.float32))  # a bias would be seen
    found = convolved([padded(x)], by, onto=shared, rectified=False)
    expected = convolved_by_scipy(x, weight, np.zeros(4)) + shared
    np.testing.assert_allclose(found.inside, expected, rtol=1e-4, atol=1e-5)


def test_doubling_is_linear_interpolation_between_middles():
    x = np.random.default_rng(0).normal(size=(1, 9, 2)).astype(np.float32)
    places = (np.arange(18) + 0.5) / 2 - 0.5
    expected = [np.interp(places, np.arange(9), x[0, :, channel]) for channel in range(2)]
    rows = padded(np.ascontiguousarray(x.transpose(0, 2, 1)))
    np.testing.assert_allclose(_doubled(rows).inside[0], expected, rtol=1e-6)


def test_leads_are_numbered_by_name():
    assert lead_places(["V6", "I", "MCL1"]).tolist() == [12, 1, 0]


def test_weights_are_small_plain_and_finite():
    path = files("cardiorisk.features") / "data" / "wave_net.npz"
    assert len(path.read_bytes()) <= 2_000_000
    assert all(np.isfinite(values).all() for values in load_weights().values())


@pytest.mark.parametrize(("n_leads", "n_samples"), [(1, 500), (15, 777)])
def test_probabilities_of_any_shape(n_leads, n_samples):
    leads = np.random.default_rng(0).normal(size=(n_leads, n_samples)).astype(np.float32)
    places = np.arange(n_leads) % 13
    probability = shipped_net().probability(leads, places)
    assert probability.shape == (3, n_leads, n_samples)
    assert np.all((probability > 0) & (probability < 1))
    swapped = shipped_net().probability(leads[::-1], places[::-1])[:, ::-1]
    np.testing.assert_allclose(swapped, probability, atol=1e-4)


def test_numpy_and_torch_agree():
    torch = pytest.importorskip("torch")
    from cardiorisk.features._train_wave_net import build_net, folded

    torch.manual_seed(0)
    net = build_net()
    leads = torch.randn(3, 4, 256)
    places = torch.tensor([[1, 2, 0, 12]])
    net(leads, torch.ones(3, 4), places.expand(3, 4))  # batch normalisation learns to fold
    torch.nn.init.normal_(net.places.weight)
    net.eval()
    with torch.no_grad():
        scores, _ = net(leads[:1], torch.ones(1, 4), places)
    found = WaveNet(folded(net)).probability(leads[0].numpy(), places[0].numpy())
    np.testing.assert_allclose(found, scores[0].sigmoid().transpose(0, 1).numpy(), atol=1e-4)


def test_what_all_leads_have_in_common():
    stems = np.random.default_rng(0).normal(size=(5, 4, 30)).astype(np.float32)
    rows = empty_rows(1, 12, 30)
    _gather()(padded(stems).values, rows.values, 30)
    spread = np.sqrt(stems.var(axis=0) + SPREAD_FLOOR)
    expected = np.concatenate([stems.mean(axis=0), stems.max(axis=0), spread])
    np.testing.assert_allclose(rows.inside[0], expected, atol=1e-6)


def test_logistic_function_of_large_numbers():
    scores = np.zeros((2, 12, 3), np.float32)
    scores[1, 4:8, 2] = [-1000, -2, 2, 1000]  # of the second wave, what the last sample stands for
    found = _probabilities(padded(scores))
    assert found.shape == (3, 2, 12)
    expected = [0, 1 / (1 + np.e**2), 1 / (1 + np.e**-2), 1]
    np.testing.assert_allclose(found[1, 1, 8:], expected, atol=1e-7)
    found[1, 1, 8:] = 0.5
    np.testing.assert_array_equal(found, 0.5)
