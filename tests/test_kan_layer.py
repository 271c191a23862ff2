import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from cardiorisk.estimators.kacq import KANLayer
from cardiorisk.estimators.kacq.spline_grid import adapted_knots, spline_bases


def _slopes(layer, x, factor):
    """Outputs and their slopes by inputs and parameters."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    (y * factor).sum().backward()
    return [y.detach(), x.grad, *(parameter.grad.clone() for parameter in layer.parameters())]


def _without_fast_path(layer):
    layer._is_compiled = lambda *_: False
    return layer


def _scipy_curve(knots, coefficients, degree, x):
    """The spline of scipy, which is 0 beyond its knots when they are continued with zeros."""
    step = np.diff(knots)[0]
    more = step * np.arange(1, degree + 1)
    padded = np.concatenate([knots[0] - more[::-1], knots, knots[-1] + more])
    zeros = np.zeros(degree)
    spline = BSpline(padded, np.concatenate([zeros, coefficients, zeros]), degree)
    inside = (x >= knots[0]) & (x < knots[-1])
    return np.where(inside, spline(x), 0), np.where(inside, spline.derivative()(x), 0)


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_curves_and_slopes_equal_those_of_scipy(degree):
    torch.manual_seed(0)
    layer = KANLayer(1, 1, grid_size=4, degree=degree, bias=False).double()
    torch.nn.init.zeros_(layer.weight[:, 0].data)
    x = torch.linspace(-6, 6, 401).double()[:, None]
    knots = layer.knots[0].numpy()
    if degree == 1:  # its derivative jumps at the knots
        x = x + 1e-3
    curve, slope = _scipy_curve(knots, layer.weight[0, 1:, 0].detach().numpy(), degree, x[:, 0])
    y, of_x, _ = _slopes(layer, x, 1.0)
    np.testing.assert_allclose(y[:, 0], curve, atol=1e-12)
    np.testing.assert_allclose(of_x[:, 0], slope, atol=1e-11)


@pytest.mark.parametrize("grid_size", [1, 5, 20])
def test_single_precision_stays_within_a_millionth_of_scipy(grid_size):
    torch.manual_seed(0)
    layer = KANLayer(1, 1, grid_size=grid_size, bias=False)
    torch.nn.init.zeros_(layer.weight[:, 0].data)
    x = torch.linspace(-1, 1, 4001)[:, None]
    knots = np.linspace(-1 - 6 / grid_size, 1 + 6 / grid_size, grid_size + 7)
    coefficients = layer.weight[0, 1:, 0].detach().double().numpy()
    curve, _ = _scipy_curve(knots, coefficients, 3, x[:, 0].double())
    np.testing.assert_allclose(layer(x)[:, 0].detach(), curve, atol=1e-6)


@pytest.mark.parametrize("scale", ["free", "shared"])
def test_outputs_and_slopes_equal_those_of_pykan(scale):
    kan = pytest.importorskip("kan")
    torch.manual_seed(0)
    ours = KANLayer(6, 5, grid_size=5, scale=scale).double()
    ours.knots.copy_(-1 + 0.4 * torch.arange(-3, 9).double())  # without the rounding of float32
    theirs = kan.KANLayer(in_dim=6, out_dim=5, num=5, k=3).double()
    weights = ours.edge_weights().detach()
    theirs.grid.data = ours.knots.clone()
    theirs.scale_base.data = weights[:, 0].clone()
    theirs.scale_sp.data.fill_(1.0)
    theirs.coef.data = weights[:, 1:].transpose(1, 2).contiguous()
    x = 1.5 * torch.randn(200, 6).double()
    factor = torch.randn(200, 5).double()
    y, of_x, *of_weights = _slopes(ours, x, factor)
    x.requires_grad_()
    expected = theirs(x)[0]
    (expected * factor).sum().backward()
    torch.testing.assert_close(y, expected.detach(), atol=1e-10, rtol=1e-6)
    torch.testing.assert_close(of_x, x.grad, atol=1e-10, rtol=1e-6)
    if scale == "free":
        of_weight = torch.cat([theirs.scale_base.grad[:, None], theirs.coef.grad.mT], dim=1)
        torch.testing.assert_close(of_weights[0], of_weight, atol=1e-10, rtol=1e-6)


@pytest.mark.parametrize("scale", ["free", "shared"])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_fast_path_equals_the_recursion(scale, dtype, atol):
    torch.manual_seed(1)
    layer = KANLayer(5, 4, grid_size=1, grid_range=(0.0, 2.5), scale=scale).to(dtype)
    x = 4 * torch.randn(300, 5, dtype=dtype)
    x[:6] = layer.knots[0, :6, None]  # ends of intervals belong to the same piece in both
    factor = torch.randn(300, 4, dtype=dtype)
    fast = _slopes(layer, x, factor)
    for mine, reference in zip(fast, _slopes(_without_fast_path(layer), x, factor), strict=True):
        torch.testing.assert_close(mine, reference, atol=atol, rtol=1e-5)


def test_slopes_add_up_when_the_graph_is_kept_and_only_those_wanted_are_found():
    torch.manual_seed(0)
    layer = KANLayer(3, 2).double()
    x = torch.randn(20, 3).double().requires_grad_()
    y = layer(x)
    assert y.is_contiguous()
    y.sum().backward(retain_graph=True)
    once = x.grad.clone()
    y.sum().backward()
    torch.testing.assert_close(x.grad, 2 * once)
    layer.requires_grad_(False)
    (alone,) = torch.autograd.grad(layer(x).sum(), x)
    torch.testing.assert_close(alone, once)
    layer.requires_grad_(True)(x.detach()).sum().backward()
    torch.testing.assert_close(layer.bias.grad, torch.full((2,), 60.0).double())


def test_knots_rounded_to_single_precision_stay_even_in_double_precision():
    torch.manual_seed(0)
    layer = KANLayer(3, 2, grid_size=7, grid_range=(-0.3, 1.9)).double()
    assert layer._even_knots(layer.knots) is not None
    x = torch.linspace(-2, 4, 301).double()[:, None].repeat(1, 3)
    fast = layer(x).detach()
    torch.testing.assert_close(fast, _without_fast_path(layer)(x).detach(), atol=1e-7, rtol=0)
    knots = layer.knots.clone()
    knots[1, 4] += 1e-4
    assert layer._even_knots(knots) is None


def test_published_layer_counts_its_parameters_and_shares_the_factor():
    torch.manual_seed(0)
    layer = KANLayer(112, 32, grid_size=3, scale="shared")
    assert sum(parameter.numel() for parameter in layer.parameters()) == 112 * 32 * 7 + 32
    weights = layer.edge_weights()
    torch.testing.assert_close(weights[:, 1:], weights[:, :1] * layer.coefficients)
    assert abs(float(layer.coefficients.detach().std()) - 0.1) < 0.005
    assert float(layer.scale.detach().abs().max()) <= (6 / 144) ** 0.5


def test_edge_curves_add_up_to_the_output():
    layer = KANLayer(4, 3, scale="shared").double()
    x = torch.randn(20, 4).double()
    torch.testing.assert_close(layer.edge_curves(x).sum(1) + layer.bias, layer(x))


@pytest.mark.parametrize("scale", ["free", "shared"])
def test_grid_update_keeps_a_cubic_and_follows_the_sample(scale):
    torch.manual_seed(0)
    layer = KANLayer(2, 1, grid_size=6, scale=scale).double()
    inner = torch.linspace(-1, 1, 200).double()[:, None].repeat(1, 2)
    target = (inner**3 - inner).sum(1, keepdim=True)
    bases = spline_bases(inner, layer.knots, 3)[:, 0]
    found = torch.linalg.lstsq(bases, (inner**3 - inner)[:, :1]).solution
    with torch.no_grad():
        if scale == "shared":
            layer.scale.fill_(1.0)
            layer.coefficients.copy_(found)
        else:
            layer.weight[:, 0] = 1.0
            layer.weight[:, 1:] = found
    before = layer.knots.clone()
    sample = 0.9 * torch.rand(500, 2).double() ** 3
    layer.update_grid(sample)
    assert not torch.equal(layer.knots, before)
    silu = torch.nn.functional.silu(sample).sum(1, keepdim=True)
    target = (sample**3 - sample).sum(1, keepdim=True) + silu
    torch.testing.assert_close(layer(sample).detach(), target, atol=1e-8, rtol=0)
    assert layer._even_knots(layer.knots) is None
    layer.update_grid(sample, even_share=1.0)
    assert layer._even_knots(layer.knots) is not None
    torch.testing.assert_close(layer(sample).detach(), target, atol=1e-8, rtol=0)


def test_grid_of_a_constant_input_stays_a_grid():
    x = np.column_stack([np.full(30, 2.0), np.linspace(0, 1, 30)])
    knots = adapted_knots(x, 4, 3, 0.02)
    assert (np.diff(knots, axis=1) > 0).all()


def test_loaded_knots_are_used():
    torch.manual_seed(0)
    moved = KANLayer(3, 2, grid_range=(0.0, 5.0)).double()
    fresh = KANLayer(3, 2).double()
    x = torch.randn(10, 3).double()
    fresh(x)
    fresh.load_state_dict(moved.state_dict())
    assert torch.equal(fresh(x), moved(x))


@pytest.mark.parametrize("bias", [True, False])
def test_second_derivatives(bias):
    torch.manual_seed(0)
    layer = KANLayer(2, 2, bias=bias).double()
    x = torch.randn(4, 2).double().requires_grad_()

    def function(x, *values):
        values = dict(zip(dict(layer.named_parameters()), values, strict=True))
        return torch.func.functional_call(layer, values, (x,))

    assert torch.autograd.gradgradcheck(function, (x, *layer.parameters()))


def test_odd_inputs():
    layer = KANLayer(2, 3)
    assert layer(torch.empty(0, 2)).shape == (0, 3)
    assert layer(torch.zeros(4, 5, 2)).shape == (4, 5, 3)
    assert layer(torch.tensor([[float("nan"), 0.0]])).isnan().all()
    assert torch.equal(layer(torch.zeros(2, 6)[:, ::3]), layer(torch.zeros(2, 2)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.zeros(4, 2)).shape == (4, 3)
    with pytest.raises(ValueError, match=r"Got inputs of shape \(4, 3\)"):
        layer(torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"in_features": 0}, "Got in_features=0"),
        ({"degree": 0}, "Got degree=0"),
        ({"grid_range": (1.0, 1.0)}, "Got grid_range"),
        ({"scale": "both"}, "Got scale='both'"),
    ],
)
def test_bad_settings_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        KANLayer(**{"in_features": 2, "out_features": 2, **arguments})


def test_uneven_knots_of_a_small_input_are_seen():
    rng = np.random.default_rng(0)
    layer = KANLayer(1, 1, noise=1.0).double()
    x = torch.tensor(3e-7 * rng.exponential(size=(500, 1)))
    layer.update_grid(x)
    with torch.no_grad():
        layer.weight[:, 1:].normal_()  # splines of the size of one
    torch.testing.assert_close(layer(x), layer.edge_curves(x).sum(1) + layer.bias)


def test_inference_mode_needs_no_earlier_call():
    with torch.inference_mode():
        layer = KANLayer(2, 2)
        assert layer(torch.zeros(1, 2)).shape == (1, 2)
