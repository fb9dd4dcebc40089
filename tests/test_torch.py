"""torch modules: asked in eval mode without gradients, and left exactly as they were."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import joblib
import numpy as np
import pandas as pd
import pytest

import xaikit as xk
from xaikit.errors import ModelError
from xaikit.predictor.wrapping import wrap

torch = pytest.importorskip("torch", reason="torch is not installed")
nn = torch.nn

ROWS = np.random.default_rng(5).normal(size=(8, 3))


def network(dtype=None, n_outputs=2):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5),
                        nn.Linear(8, n_outputs))
    return net if dtype is None else net.to(dtype)


def eval_answers(net, rows):
    """The answers of an identical network that was put in eval mode by hand."""
    twin = network(next(net.parameters()).dtype, net[-1].out_features)
    twin.load_state_dict(net.state_dict())
    twin.eval()
    with torch.no_grad():
        return twin(torch.tensor(rows, dtype=next(net.parameters()).dtype)).double().numpy()


class Breaking(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 1)

    def forward(self, x):
        raise RuntimeError("out of order")


class Sum(nn.Module):
    def forward(self, x):
        return x.sum(dim=1)


# An untrained float32 or half network differs from itself by rounding between batch sizes only;
# the tolerance is a few units in the last place of each dtype.
@pytest.mark.parametrize(("dtype", "rtol"), [
    (torch.float32, 1e-6), (torch.float64, 1e-14), (torch.float16, 2e-3), (torch.bfloat16, 2e-2),
], ids=str)
def test_answers_are_those_of_eval_mode(dtype, rtol):
    net = network(dtype).train()
    got = wrap(net)(ROWS)
    want = eval_answers(net, ROWS)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)
    assert net.training


def test_batch_normalisation_keeps_its_running_statistics():
    net = network().train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    wrap(net)(ROWS)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("flags", [
    [True] * 6, [False] * 6, [True, False, True, False, True, False],
    [False, True, False, True, False, True],
])
def test_every_training_flag_is_restored(flags):
    net = network()
    for module, flag in zip(net.modules(), flags, strict=True):
        module.training = flag
    wrap(net)(ROWS)
    got = [module.training for module in net.modules()]
    assert got == flags


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True)])
def test_flags_are_restored_when_the_module_raises(flags):
    net = Breaking()
    net.training, net.inner.training = flags
    with pytest.raises(ModelError, match="out of order") as caught:
        wrap(net)(ROWS)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert (net.training, net.inner.training) == flags


def test_no_gradient_is_kept_and_none_is_lost():
    net = network().train()
    grads = []
    hook = net[0].register_forward_hook(lambda module, args, out: grads.append(out.requires_grad))
    wrap(net)(ROWS)
    hook.remove()
    assert grads == [False]
    assert all(p.grad is None for p in net.parameters())
    assert all(p.requires_grad for p in net.parameters())
    assert torch.is_grad_enabled()
    net(torch.tensor(ROWS, dtype=torch.float32)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_output_is_the_users_word_and_is_shown():
    net = network()
    assert wrap(net).scale == "model output"
    assert wrap(net, output="logits").scale == "logits"
    assert "logits" in repr(wrap(net, output="logits"))
    np.testing.assert_array_equal(wrap(net, output="logits")(ROWS), wrap(net)(ROWS))
    with pytest.raises(ValueError, match="'logits', 'proba' or 'prediction'.*'softmax'"):
        wrap(net, output="softmax")


def test_a_module_without_parameters_is_given_float32():
    got = wrap(Sum())(ROWS)
    want = ROWS.astype(np.float32).sum(axis=1)[:, None]
    # float32 sums of three numbers near 1: a few units of 1e-7.
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_a_module_with_integer_parameters_first():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.count = nn.Parameter(torch.tensor([1]), requires_grad=False)

        def forward(self, x):
            assert x.dtype == torch.float32
            return x[:, :1]

    got = wrap(Counted())(ROWS)
    np.testing.assert_array_equal(got, ROWS[:, :1].astype(np.float32))


def test_a_frame_of_numbers_reaches_the_module_in_column_order():
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False],
                          "c": pd.array([0.5, 1.5], dtype="Float64")})
    net = nn.Linear(3, 1, dtype=torch.float64)
    weights = net.weight.detach().numpy()[0]
    want = frame.to_numpy(float) @ weights + net.bias.item()
    bound = wrap(net).bind(frame)
    for given in (frame, frame[["c", "a", "b"]]):
        np.testing.assert_allclose(bound(given)[:, 0], want, rtol=1e-14)


def test_columns_that_hold_no_numbers_are_named():
    frame = pd.DataFrame({"a": [1.0], "job": ["cook"], "city": pd.Categorical(["Ulm"])})
    with pytest.raises(ModelError, match=r"job \(str\), city \(category\)") as caught:
        wrap(network())(frame)
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(ModelError, match="takes numbers, got an array of"):
        wrap(network())(np.array([["a", "b", "c"]]))


def test_a_missing_number_is_an_error_that_names_the_row():
    rows = ROWS.copy()
    rows[2, 1] = np.nan
    with pytest.raises(ModelError, match="rows 2 of the batch"):
        wrap(network())(rows)


def test_a_function_around_a_network_may_leave_a_gradient_on():
    net = network().eval()
    got = wrap(lambda X: torch.softmax(net(torch.tensor(X, dtype=torch.float32)), dim=1))(ROWS)
    assert got.shape == (8, 2)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, rtol=1e-6)  # float32 rounding
    want = torch.softmax(torch.tensor(eval_answers(net, ROWS)), dim=1).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_a_function_around_a_network_in_training_mode_is_caught():
    plain = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1)).train()
    noisy = wrap(lambda X: plain(torch.tensor(X, dtype=torch.float32))).bind(ROWS)
    assert not noisy.findings.repeatable
    assert any("dropout" in w for w in noisy.findings.warnings)


def test_the_probe_finds_nothing_in_a_network_left_in_training_mode():
    bound = wrap(network().train()).bind(ROWS)
    assert bound.findings.warnings == ()
    assert bound.output_names == ("output 0", "output 1")


def shapley_by_brute_force(f, x, background):
    """Interventional Shapley values by the definition, one coalition at a time."""
    m = len(x)

    def value(coalition):
        rows = background.copy()
        rows[:, list(coalition)] = x[list(coalition)]
        return f(rows).mean(axis=0)

    phi = np.zeros((m, f(background).shape[1]))
    for i in range(m):
        others = [j for j in range(m) if j != i]
        for size in range(m):
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            for coalition in combinations(others, size):
                phi[i] += weight * (value((*coalition, i)) - value(coalition))
    return phi


def test_kernel_shap_of_a_network_is_exact():
    net = network(torch.float64).train()
    background = np.random.default_rng(6).normal(size=(5, 3))
    got = xk.KernelSHAP(solver="exact", random_state=0).fit(net, background).explain(ROWS[:2])
    for i in range(2):
        want = shapley_by_brute_force(lambda rows: eval_answers(net, rows), ROWS[i], background)
        # The same answers summed in another order: float64 rounding.
        np.testing.assert_allclose(got.values[i], want, atol=1e-12)
    np.testing.assert_allclose(got.gap(), 0.0, atol=1e-12)
    assert net.training


def test_threads_share_a_module_left_in_training_mode():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1))
    X = np.random.default_rng(0).normal(size=(40, 4))
    serial = xk.KernelSHAP(random_state=0).fit(net, X[:5]).explain(X)
    with joblib.parallel_config(backend="threading"):
        threaded = xk.KernelSHAP(random_state=0, n_jobs=4).fit(net, X[:5]).explain(X)
    np.testing.assert_array_equal(threaded.values, serial.values)
    assert all(module.training for module in net.modules())
