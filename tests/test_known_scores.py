"""Scores from sums over rows against scikit-learn's scorers, called for each block of rows."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    fbeta_score,
    get_scorer,
    make_scorer,
    mean_squared_error,
    roc_auc_score,
)

from xaikit.explainers.classes import Classes
from xaikit.explainers.known_scores import Kept, known_score
from xaikit.explainers.replay import replay_of
from xaikit.explainers.scoring import Blocks, Scoring, own_name
from xaikit.predictor.wrapping import wrap
from xaikit.tables.targets import Labels

N = 120
RNG = np.random.default_rng(5)
BLOCKS, GIVERS = RNG.permutation(N) % 6, RNG.permutation(N)
WEIGHTS = RNG.integers(0, 3, N).astype(float)
OF_CLASSES = ["f1", "precision", "recall", "jaccard"]
RANKED = ["roc_auc", "average_precision", *OF_CLASSES]
ANY = ["accuracy", "balanced_accuracy", "neg_log_loss", "matthews_corrcoef", "roc_auc_ovr", "roc_auc_ovr_weighted",
       "neg_brier_score", "d2_brier_score", "d2_log_loss_score",
       *(f"{name}_{average}" for name in OF_CLASSES for average in ("macro", "micro", "weighted"))]
NUMBERS = ["r2", "explained_variance", "neg_mean_squared_error", "neg_mean_absolute_error",
           "neg_root_mean_squared_error", "neg_mean_squared_log_error", "neg_root_mean_squared_log_error",
           "neg_mean_absolute_percentage_error", "neg_mean_poisson_deviance", "neg_mean_gamma_deviance"]
UNWEIGHTED = [("roc_auc_ovo", 2), ("roc_auc_ovo", 3), ("roc_auc_ovo_weighted", 4), ("positive_likelihood_ratio", 2),
              ("neg_negative_likelihood_ratio", 2)]


@pytest.fixture(autouse=True)
def _the_same_draws_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(6).bit_generator.state


def probabilities(k, tied):
    p = RNG.dirichlet(np.ones(k), N)
    p = np.round(p * 4) + 1 if tied else p
    return p / p.sum(axis=1, keepdims=True)


def scoring_of(name, y, answers, classes, weights, by_class=True):
    """Return the scoring and the replays of answers as they are and shuffled."""
    X = np.zeros((N, 1))
    k = 1 if classes is None else len(classes)
    task = "regression" if classes is None else "classification"
    predictor = wrap(lambda X: np.full((len(X), k), 1 / k), task=task).bind(X[:2])
    found = None if classes is None else Classes(classes)
    pair = [replay_of(predictor, X, lambda method, a=a: a, found) for a in answers]
    plain = Scoring({name: get_scorer(name)}, Labels(y), weights, predictor.columns, Blocks(BLOCKS), by_class)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = plain.with_known(pair[0], plain(pair[0]))
    return plain, known, pair


def drops(scoring, pair, givers):
    return scoring.drops_by_block(*pair, givers, lambda block: pair[1])


def same(plain, known, pair):
    assert known.known
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = drops(plain, pair, GIVERS)
    ours = drops(known, pair, GIVERS)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert np.isfinite(ours).all()
    own = known._known(next(iter(known.known)), pair[0], Kept(BLOCKS, BLOCKS[GIVERS], 6))
    assert np.isfinite(own).all()  # nothing was left to the scorer


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize(("name", "k"), [(name, 2) for name in RANKED + ANY] + [(name, 3) for name in ANY])
def test_scores_of_classes_are_those_of_their_scorer(name, k, tied, weights):
    classes = np.arange(k)
    y = RNG.permutation(np.arange(N) % k)
    answers = [probabilities(k, tied) for _ in range(2)]
    same(*scoring_of(name, y, answers, classes, weights))


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize(("name", "k"), [*UNWEIGHTED, ("top_k_accuracy", 3), ("top_k_accuracy", 5)])
def test_other_scores_of_classes_are_those_of_their_scorer(name, k, tied):
    y = RNG.permutation(np.arange(N) % k)
    weights = WEIGHTS if name == "top_k_accuracy" and tied else None
    same(*scoring_of(name, y, [probabilities(k, tied) for _ in range(2)], np.arange(k), weights))


def test_likelihood_ratios_without_a_false_alarm_or_a_right_refusal_are_the_scorers():
    y = RNG.permutation(np.arange(N) % 2)
    right, all_yes = np.column_stack([1 - y, y]), np.tile([0.0, 1.0], (N, 1))
    for name in ("positive_likelihood_ratio", "neg_negative_likelihood_ratio"):
        same(*scoring_of(name, y, [right, all_yes], np.arange(2), None))


@pytest.mark.parametrize("name", ["neg_max_error", "neg_median_absolute_error", "d2_absolute_error_score"])
def test_medians_and_largest_errors_are_those_of_their_scorer(name):
    y = RNG.normal(size=N)
    same(*scoring_of(name, y, [y[:, None] + RNG.normal(size=(N, 1)) for _ in range(2)], None, None, False))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc"])
def test_scores_of_text_labels_are_those_of_their_scorer(name):
    classes = np.array(["no", "yes"])
    y = RNG.permutation(classes[np.arange(N) % 2])
    same(*scoring_of(name, y, [probabilities(2, True) for _ in range(2)], classes, None))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", NUMBERS)
def test_scores_of_numbers_are_those_of_their_scorer(name, weights):
    y = 1e4 + RNG.normal(size=N)
    same(*scoring_of(name, y, [y[:, None] + RNG.normal(size=(N, 1)) for _ in range(2)], None, weights, False))


def test_r2_of_blocks_without_spread_is_left_to_the_scorer():
    y = np.zeros(N)
    y[BLOCKS == 0] = np.arange((BLOCKS == 0).sum())
    plain, known, pair = scoring_of("r2", y, [y[:, None] + 0.1, y[:, None] - 0.2], None, None, False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(drops(known, pair, np.arange(N)),
                                   drops(plain, pair, np.arange(N)), rtol=1e-9)


def test_a_class_that_nobody_names_does_not_count():
    """A class without rows has no share correct, and one that is nowhere has no F1."""
    y = RNG.permutation(np.arange(N) % 2)
    answers = [np.column_stack([probabilities(2, False), np.zeros(N)]) for _ in range(2)]
    for name in ("balanced_accuracy", "f1_macro", "f1_weighted"):
        same(*scoring_of(name, y, answers, np.arange(3), None))


@pytest.mark.parametrize(("name", "y", "classes"), [
    ("top_k_accuracy", np.arange(N) % 2, [0, 1]), ("neg_root_mean", np.arange(N), None),
    ("neg_median_absolute_error", np.zeros((N, 2)), None),
    ("r2", np.zeros((N, 2)), None), ("accuracy", np.arange(N) % 40, list(range(40)))])
def test_other_scores_are_left_to_their_scorers(name, y, classes):
    assert known_score(name, np.asarray(y), None, classes, lambda method: True) is None


def test_a_score_that_is_not_the_scorers_is_not_used():
    """The classes of a model may be in an order that the scorer does not expect."""
    y = RNG.permutation(np.arange(N) % 2)
    _, known, pair = scoring_of("neg_log_loss", y, [probabilities(2, False)] * 2, np.array([1, 0]), None)
    assert not known.known
    assert np.isfinite(drops(known, pair, GIVERS)).all()


def test_an_answer_without_effect_drops_by_exactly_nothing():
    y = RNG.permutation(np.arange(N) % 2)
    p = probabilities(2, False)
    for name in RANKED + ANY:
        _, known, pair = scoring_of(name, y, [p, p.copy()], np.arange(2), WEIGHTS)
        np.testing.assert_array_equal(drops(known, pair, GIVERS), 0.0)


@pytest.mark.parametrize(("made", "name"), [
    (make_scorer(f1_score), "f1"), (make_scorer(f1_score, average="macro"), "f1_macro"),
    (make_scorer(mean_squared_error, greater_is_better=False), "neg_mean_squared_error"),
    (make_scorer(accuracy_score), "accuracy"), (make_scorer(fbeta_score, beta=2), ""),
    (make_scorer(f1_score, pos_label=0), ""), (make_scorer(mean_squared_error), ""),
    (make_scorer(roc_auc_score, response_method=("decision_function", "predict_proba")), "roc_auc"),
    (get_scorer("roc_auc_ovr"), "roc_auc_ovr"), (get_scorer("neg_log_loss"), "neg_log_loss")])
def test_a_scorer_that_was_made_is_known_if_it_is_equal(made, name):
    assert own_name(made) == name


def test_a_scorer_that_was_made_is_scored_as_one_of_that_name():
    y = RNG.permutation(np.arange(N) % 2)
    answers = [probabilities(2, False) for _ in range(2)]
    _, known, pair = scoring_of("f1", y, answers, np.arange(2), None)
    named = {"mine": make_scorer(f1_score)}
    mine = replace(known, scorers=named, known={})
    mine = mine.with_known(pair[0], mine(pair[0]))
    assert [*mine.known] == ["mine"]
    np.testing.assert_array_equal(drops(mine, pair, GIVERS), drops(known, pair, GIVERS))
