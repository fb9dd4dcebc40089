"""RISE: the accumulation against masks of full size, golden numbers, and the explainer's habits."""

from __future__ import annotations

import numpy as np
import pytest
import reference_images as reference

from xaikit.explainers.rise import RISE
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.seeds import stream
from xaikit.solvers.rise import OUTPUTS_AT_ONCE, correlate, draw_masks, ramps

pytestmark = pytest.mark.kernels

SIZES = [((9, 13), 4, 30), ((6, 5), 8, 30), ((1, 1), 3, 20), ((10, 4), 1, 20), ((7, 7), 2, 40), ((1, 9), 3, 25)]


def full_masks(masks):
    return np.stack([reference.upsampled(grid, shift, masks.size)
                     for grid, shift in zip(masks.grids.astype(float), masks.shifts, strict=True)])


@pytest.mark.parametrize(("size", "grid", "n"), SIZES)
@pytest.mark.parametrize("p", [0.5, 0.1])
def test_accumulation_is_that_of_full_masks(rng, size, grid, n, p):
    masks = draw_masks(rng, n, size, grid, p)
    full = full_masks(masks)
    np.testing.assert_allclose(masks.full(0, n), full, rtol=0, atol=2e-7)  # float32
    answers = np.column_stack([rng.normal(size=(n, 2)), np.full(n, 3.0), full[:, 0, 0] * 5 + 100])
    found = correlate(answers, masks)
    values, errors = reference.correlate(answers, full)
    np.testing.assert_allclose(found.values, values, rtol=0, atol=1e-8)
    # Errors that should be 0 are roots of rounding errors.
    np.testing.assert_allclose(found.errors, errors, rtol=1e-8, atol=1e-5)


def test_masks_of_a_part():
    masks = draw_masks(np.random.default_rng(0), 9, (8, 6), 3, 0.5)
    whole = masks.full(0, 9)
    assert np.concatenate([masks.full(0, 4), masks.full(4, 5), masks.full(5, 9)]).tobytes() == whole.tobytes()
    assert whole.min() >= 0.0
    assert whole.max() <= 1.0


def test_ramps_by_hand():
    # Two cells over four pixels: stretched to six, centres at 1 and 4 (from 0), moved by 0 or 1.
    found = ramps(4, 2)
    assert found.shape == (2, 4, 2)
    np.testing.assert_allclose(found[0, :, 1], [0, 0, 1 / 3, 2 / 3], atol=1e-15)
    np.testing.assert_allclose(found[1, :, 1], [0, 1 / 3, 2 / 3, 1], atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, rtol=1e-15)


def test_outputs_do_not_depend_on_each_other(rng):
    masks = draw_masks(rng, 30, (6, 6), 3, 0.5)
    answers = rng.normal(size=(30, OUTPUTS_AT_ONCE + 3))
    found = correlate(answers, masks)
    assert found.values.shape == (6, 6, OUTPUTS_AT_ONCE + 3)
    for k in (0, OUTPUTS_AT_ONCE - 1, OUTPUTS_AT_ONCE, OUTPUTS_AT_ONCE + 2):
        alone = correlate(answers[:, [k]], masks)
        np.testing.assert_allclose(alone.values[:, :, 0], found.values[:, :, k], rtol=1e-12)


def test_errors_are_honest(rng):
    # Under the null the values of 200 runs spread as the errors say.
    z = []
    for _ in range(200):
        found = correlate(rng.normal(size=(150, 1)), draw_masks(rng, 150, (8, 8), 2, 0.5))
        z.append(found.values[3, 4, 0] / found.errors[3, 4, 0])
    assert 0.85 < np.std(z) < 1.15  # 3 standard errors of 0.05


def test_one_pixel_decides():
    # f = c·M(pixel) + constant, so S there is c for any masks: weight · (image − stand-in).
    image = np.full((8, 8, 3), 5.0)
    explainer = RISE(budget=62, grid=4, random_state=3).fit(
        lambda X: np.column_stack([2 * X[:, 3, 5, 1], -X[:, 0, 0].sum(axis=1)]),
        ImageMasker("grid", baseline=1.0))
    e = explainer.explain(image)
    maps = e.pixels()[0]
    assert maps[3, 5, 0] == pytest.approx(8.0, abs=1e-5)  # masks are float32
    assert maps[0, 0, 1] == pytest.approx(-12.0, abs=1e-5)
    np.testing.assert_allclose(e.predictions, [[10.0, -15.0]])
    np.testing.assert_allclose(e.base_values, [[2.0, -3.0]])
    assert np.isnan(e.fidelity).all()
    assert e.feature_names[8 * 3 + 5] == "pixel 3, 5"


def test_a_linear_model_has_the_map_that_covariances_give():
    # S(λ) = Σ_μ w_μ Cov(M_λ, M_μ) / Var(M_λ). Of a grid of independent cells, Cov is p(1−p) times
    # the mean over shifts of the product of their weights, which separates into y and x; shifts are
    # independent of the cells, and E[M | shift] = p does not vary.
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 6))
    by = ramps(6, 3)
    joint = np.einsum("sac,sbc->ab", by, by) / len(by)
    wanted = joint @ weights @ joint / np.outer(np.diag(joint), np.diag(joint))
    e = RISE(budget=20_002, grid=3, random_state=1).fit(
        lambda X: (X * weights).sum(axis=(1, 2))).explain(np.ones((6, 6)))
    z = (e.pixels()[0, :, :, 0] - wanted) / e.pixels("standard_errors")[0, :, :, 0]
    assert np.abs(z).max() < 4.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.bool_, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (3, 6, 5), (2, 6, 5, 4), (2, 1, 6, 5), (1, 1)])
def test_dtypes_and_layouts(rng, counting, dtype, shape):
    X = (rng.random(shape) * 100).astype(dtype)
    model = counting(lambda X: X.reshape(len(X), -1).astype(float).mean(axis=1))
    e = RISE(budget=14, grid=2, random_state=0).fit(model, ImageMasker("grid", baseline="mean")).explain(X)
    assert {batch.dtype for batch in model.batches} == {np.dtype(dtype)}
    stack = ImageMasker("grid").conform(X)
    assert {batch.shape[1:] for batch in model.batches} == {stack.shape[1:]}
    size = stack.shape[2:] if e.channels == "first" else stack.shape[1:3]
    assert e.values.shape == (len(stack), size[0] * size[1], 1)
    np.testing.assert_array_equal(e.labels[0], np.arange(size[0] * size[1]).reshape(size))
    asked = np.concatenate(model.batches)
    assert asked.min() >= X.min()
    assert asked.max() <= X.max()
    np.testing.assert_array_equal(X, stack.reshape(X.shape))


def test_masked_images_are_what_the_masks_say(counting):
    image = np.arange(36, dtype=np.uint8).reshape(6, 6)
    model = counting(lambda X: X.sum(axis=(1, 2)).astype(float))
    explainer = RISE(budget=7, grid=2, random_state=0).fit(model, ImageMasker("grid", baseline=[[1] * 6] * 6))
    e = explainer.explain(image)
    masks = full_masks(draw_masks(stream(0, "rise"), 5, (6, 6), 2, 0.5))
    # Three of the largest batch are asked again, alone.
    assert [len(batch) for batch in model.batches[-5:]] == [2, 5, 1, 1, 1]
    # To the nearest whole number, either of two where float32 masks leave a tie open.
    np.testing.assert_allclose(model.batches[-4], masks * image + (1 - masks), rtol=0, atol=0.5 + 1e-5)
    assert e.details["model_rows"].tolist() == [7]


def test_stand_ins_take_turns(counting):
    model = counting(lambda X: X.sum(axis=(1, 2)))
    stand_ins = np.stack([np.full((6, 6), 1.0), np.full((6, 6), 2.0), np.full((6, 6), 3.0)])
    RISE(budget=11, grid=2, random_state=0).fit(
        model, ImageMasker("grid", baseline=stand_ins)).explain(np.zeros((6, 6)))
    masks = full_masks(draw_masks(stream(0, "rise"), 7, (6, 6), 2, 0.5))
    behind = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0])[:, None, None]
    np.testing.assert_allclose(model.batches[-4], (1 - masks) * behind, rtol=0, atol=1e-6)


def test_budget(rng, counting):
    X = rng.random((2, 6, 5))
    model = counting(lambda X: X.sum(axis=(1, 2)))
    explainer = RISE(budget=42, grid=2, random_state=0).fit(model, ImageMasker("grid", baseline="blur"))
    e = explainer.explain(X)
    assert e.details["model_rows"].tolist() == [42, 42]
    assert e.cost.model_rows == model.n_rows
    several = RISE(budget=42, grid=2, random_state=0).fit(
        model, ImageMasker("grid", baseline=np.stack([X[0], X[1], X[0] * 0]))).explain(X)
    assert several.details["model_rows"].tolist() == [42, 42]
    np.testing.assert_allclose(several.base_values, [[(X[0].sum() + X[1].sum()) / 3]] * 2)


def test_chunks_batches_and_workers_do_not_matter(rng):
    X = rng.random((3, 9, 7, 3)).astype(np.float32)

    def explained(X=X, **settings):
        return RISE(budget=52, grid=3, random_state=5, **settings).fit(
            middle, ImageMasker("grid", baseline="noise")).explain(X)

    plain = explained()
    for settings in ({"batch_size": 7}, {"max_memory": 1}, {"max_memory": 10_000}, {"n_jobs": 2}):
        other = explained(**settings)
        assert other.values.tobytes() == plain.values.tobytes(), settings
        assert other.standard_errors.tobytes() == plain.standard_errors.tobytes(), settings
    # Nor do the other images.
    assert explained(X[1:2]).values.tobytes() == plain.values[1:2].tobytes()
    assert RISE(budget=52, grid=3, random_state=6).fit(middle).explain(X).values.tobytes() \
        != plain.values.tobytes()


def middle(X):
    return X[:, 2:5, 2:5].max(axis=(2, 3))  # three outputs, one a row of pixels


def test_pixels_masked_alike_are_said_to_be_unknown():
    e = RISE(budget=4, grid=1, p=0.999, random_state=0).fit(
        lambda X: X.sum(axis=(1, 2))).explain(np.ones((3, 3)))
    assert (e.values == 0.0).all()
    assert np.isnan(e.standard_errors).all()
    assert "9 pixels were masked alike in all questions" in e.warnings[0]


def test_tensors_and_torch():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2)).eval()
    X = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        net(X)
    e = RISE(budget=22, grid=2, random_state=0).fit(net).explain(X)
    assert e.channels == "first"
    assert e.values.shape == (2, 64, 2)


@pytest.mark.parametrize(("settings", "said"), [
    ({"budget": 3}, "budget must be a whole number of at least 4, got 3"),
    ({"grid": 0}, "grid must be a whole number of at least 1, got 0"),
    ({"grid": 2.0}, "grid must be a whole number"),
    ({"p": 0.0}, "p must be a number above 0 and below 1, got 0.0"),
    ({"p": "half"}, "p must be a number"),
    ({"max_memory": 0}, "max_memory must be a whole number of at least 1"),
])
def test_bad_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        RISE(**settings).fit(lambda X: X.sum(axis=(1, 2)))


def test_what_rise_cannot_do():
    with pytest.raises(TypeError, match="takes an ImageMasker or nothing"):
        RISE().fit(lambda X: X.sum(axis=1), np.zeros((4, 4)))
    explainer = RISE(budget=6).fit(lambda X: X.sum(axis=(1, 2)))
    with pytest.raises(ValueError, match="leaves 1 masks; at least 2 are needed: raise it to 5"):
        RISE(budget=4).fit(lambda X: X.sum(axis=(1, 2)), ImageMasker(
            "grid", baseline=np.zeros((2, 4, 4)))).explain(np.ones((4, 4)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        explainer.explain(np.full((4, 4), np.nan))
