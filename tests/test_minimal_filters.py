"""Convolutions by minimal filters against plain ones in double precision."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cardiorisk.features._convolution import convolved, kernel, padded
from cardiorisk.features._minimal_filters import minimal_filter


@pytest.mark.parametrize("width", [3, 5, 7])
def test_products_at_points_are_a_correlation(width):
    rng = np.random.default_rng(0)
    samples, taps = rng.normal(size=width + 3), rng.normal(size=width)
    found = minimal_filter(width)
    results = found.back @ ((found.taps @ taps) * (found.samples @ samples))
    np.testing.assert_allclose(results, np.correlate(samples, taps, "valid"), rtol=1e-11)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="width=9"):
        minimal_filter(9)


def test_outputs_that_fill_no_tile_are_refused():
    with pytest.raises(ValueError, match="Got 6 outputs"):
        kernel(np.zeros((5, 2, 6), np.float32), np.zeros(6, np.float32))


def plainly_convolved(x, weight, stride):
    """(n_leads, channels, n) with (width, channels, outputs), zeros beyond, in float64."""
    columns = [
        [
            sum(
                np.convolve(lead[i], weight[::-1, i, o])[len(weight) // 2 :][: x.shape[2]]
                for i in range(len(lead))
            )
            for o in range(weight.shape[2])
        ]
        for lead in x.astype(float)
    ]
    return np.array(columns)[..., ::stride]


@pytest.mark.parametrize("n", [1, 5, 63, 64, 65, 321, 640, 651, 1283])
@pytest.mark.parametrize(("width", "n_outputs"), [(3, 4), (5, 20), (7, 12)])
def test_lengths_that_fill_no_tile(width, n_outputs, n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(1, 3, n)).astype(np.float32)
    weight = rng.normal(size=(width, 3, n_outputs)).astype(np.float32)
    expected = plainly_convolved(x, weight, 1)
    found = convolved([padded(x)], kernel(weight, np.zeros(n_outputs, np.float32)), rectified=False)
    np.testing.assert_allclose(found.inside, expected, atol=2e-4)
    assert not found.values[..., :16].any()
    assert not found.values[..., 16 + n :].any()


@pytest.mark.parametrize(("width", "stride"), [(17, 4), (5, 2), (7, 1)])
def test_many_channels_lose_little(width, stride):
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(2, 40, 640)), 0).astype(np.float32)
    weight = rng.normal(size=(width, 40, 8)).astype(np.float32) / np.float32(np.sqrt(40 * width))
    expected = plainly_convolved(x, weight, stride)
    by = kernel(weight, np.zeros(8, np.float32), stride)
    found = convolved([padded(x)], by, rectified=False).inside
    assert np.sqrt(np.mean((found - expected) ** 2)) < 5e-6  # of values around 1


def test_a_lead_is_the_same_to_the_bit_wherever_it_stands():
    rng = np.random.default_rng(0)
    x, shift = (rng.normal(size=size).astype(np.float32) for size in ((5, 4, 650), (5, 8)))
    weight, bias = (rng.normal(size=size).astype(np.float32) for size in ((7, 4, 8), 8))
    by, order = kernel(weight, bias), np.array([3, 0, 4, 1, 2])
    all_at_once = convolved([padded(x)], by, shift=shift).inside
    np.testing.assert_array_equal(
        convolved([padded(x[order])], by, shift=shift[order]).inside, all_at_once[order]
    )
    np.testing.assert_array_equal(
        convolved([padded(x[:1])], by, shift=shift[:1]).inside, all_at_once[:1]
    )


def test_the_shift_comes_after_what_is_negative_became_zero():
    x, weight = np.ones((2, 1, 30), np.float32), -np.ones((3, 1, 4), np.float32)
    shift = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    found = convolved([padded(x)], kernel(weight, np.zeros(4, np.float32)), shift=shift)
    np.testing.assert_array_equal(found.inside, np.repeat(shift[:, :, None], 30, axis=2))
    assert not found.values[..., 46:].any()


CONVOLVE = """
import sys
import numpy as np
from cardiorisk.features._convolution import convolved, kernel, padded

given = np.load(sys.argv[1])
by = kernel(given["weight"], np.zeros(4, np.float32))
np.save(sys.argv[2], convolved([padded(given["x"])], by, rectified=False).inside)
"""
SHORT_VECTORS = """
from llvmlite import binding
features = binding.get_host_cpu_features()
features["avx512f"] = False
binding.get_host_cpu_features = lambda: features
from cardiorisk.features._vector_code import LANES
print(LANES)
"""
OTHER_POINTS = """
from fractions import Fraction
from cardiorisk.features import _minimal_filters
_minimal_filters.PAIRS = (Fraction(1), Fraction(1, 2), Fraction(3, 2))
"""


@pytest.fixture
def convolve(tmp_path):
    """Run a convolution in a process of its own, whose machine code is kept in the same folder."""
    rng = np.random.default_rng(0)
    x, weight = (rng.normal(size=size).astype(np.float32) for size in ((2, 3, 333), (5, 3, 4)))
    np.savez(tmp_path / "given.npz", x=x, weight=weight)
    files = [tmp_path / "given.npz", tmp_path / "found.npy"]
    path = os.pathsep.join(filter(None, sys.path))
    own = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": path}

    def run(before):
        code = [sys.executable, "-c", before + CONVOLVE, *files]
        done = subprocess.run(code, env=own, capture_output=True, text=True, check=True)
        return np.load(files[1]), plainly_convolved(x, weight, 1), done.stdout

    return run


def test_processors_with_shorter_vectors_find_the_same(convolve):
    found, expected, printed = convolve(SHORT_VECTORS)
    assert printed.split() == ["8"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_other_points_are_not_given_the_machine_code_of_the_usual_ones(convolve):
    usual, expected, _ = convolve("")
    other, _, _ = convolve(OTHER_POINTS)
    assert not np.array_equal(other, usual)
    np.testing.assert_allclose(other, expected, atol=2e-4)
