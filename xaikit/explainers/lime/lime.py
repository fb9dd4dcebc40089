"""The settings of LIME: a linear model of a model's answers near one row, text or image."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from xaikit.explainers.games import GameExplainer, Request, Solve
from xaikit.explainers.lime.bins import BinSolver
from xaikit.explainers.lime.masks import MaskSolver
from xaikit.sampling.bins import WAYS
from xaikit.sampling.shared_bins import bin_sets
from xaikit.settings import MAX_MEMORY, POSITIVE, Either, OneOf


class LIME(GameExplainer):
    """Linear models of a model's answers around each row, text or image, and how well they fit.

    Minimises Σ π(z)(f(z) − β₀ − Σ β_j z_j)², where z_j is 1 if unit j of the row stays and π weighs
    a neighbour by how near the row it is. β_j is what keeping unit j adds to the answer, on average
    over the neighbourhood. `Attribution.fidelity` tells how well the linear model fits.

    Parameters
    ----------
    budget : int or "auto"
        Most model rows asked per explained row: the samples, and the row itself. ``"auto"``: from
        max(512, 8·M) samples, doubled until 1.96 standard errors are at most 5 % of the largest
        coefficient, up to 8,192.
    sampling : {"kernel", "weighted"}
        ``"kernel"`` draws neighbours in proportion to the kernel π. No coalition is drawn twice,
        unless several background rows can replace what it hides; all coalitions of a size are
        asked if they are few. ``"weighted"`` draws as the reference package does and weights by π:
        the same in the limit, with larger errors.
    kernel_width : float, optional
        ν of the kernel; infinite for a flat one. By default 0.25 for texts and images, where
        distance is the cosine distance between masks, and 0.75·√M for tables, where it is
        √(number of hidden units).
    discretize : {"auto", "tree", "quartile", "decile"} or None
        What z_j = 1 means for a column of a table. With bins, the value is in the row's bin, and
        columns are drawn independently of each other; `feature_details["conditions"]` names the
        bins, (n_rows, n_features, n_outputs). They are quantiles or, for ``"tree"``, the leaves of
        a regression tree of an output's answers on the column (the background is asked once), so
        that each output has bins of its own. With None, the value is the row's own;
        all other columns of a neighbour come from *one* background row, drawn from those nearest to
        the row (Gower's distance), so that columns swapped together stay dependent. ``"auto"`` is
        ``"tree"``, which had the better fit and the stabler ranks on three tables (docs/lime.md).
    {groups, outputs, max_background, batch_size, random_state, n_jobs, max_memory, verbose}

    Notes
    -----
    `base_values` are the intercepts β₀. `predictions` are the model's own answers, from which the
    linear model may differ: `gap()` is the difference. `standard_errors` are those of sampling
    neighbours. `fidelity` is the leave-one-out R² of the linear model on the neighbourhood, NaN if
    all answers are the same or there are no more samples than coefficients. `details` hold the
    number of samples and, for tables without bins, the width ν of the weights of background rows.
    A unit that no neighbour can change has the value 0 and the error 0.

    References
    ----------
    Ribeiro, Singh, Guestrin 2016, "Why Should I Trust You?", section 3; Visani et al. 2022
    (stability as a stopping rule).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> e = LIME(random_state=0).fit(lambda X: 3 * (X[:, 0] > 0), X).explain([[2.0, 0.0]])
    >>> e.feature_names, e.values.shape, bool(e.values[0, 0, 0] > 10 * abs(e.values[0, 1, 0]))
    (('x0', 'x1'), (1, 2, 1), True)
    """

    own_settings: ClassVar = {
        "sampling": OneOf("kernel", "weighted"),
        "kernel_width": Either(POSITIVE, None),
        "discretize": OneOf(None, "auto", *WAYS),
    }

    def __init__(
        self,
        *,
        budget: int | str = "auto",
        sampling: str = "kernel",
        kernel_width: float | None = None,
        discretize: str | None = "auto",
        groups: Any = None,
        outputs: Any = None,
        max_background: int = 10_000,
        batch_size: int | str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        max_memory: int = MAX_MEMORY,
        verbose: bool = True,
    ) -> None:
        self.budget = budget
        self.sampling = sampling
        self.kernel_width = kernel_width
        self.discretize = discretize
        self.groups = groups
        self.outputs = outputs
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.max_memory = max_memory
        self.verbose = verbose

    def fit(self, model: Any, background: Any = None) -> Self:
        self._bind(model, background)
        way = "tree" if self.discretize == "auto" else self.discretize
        if self.masker_.kind == "table" and way is not None:
            rows = self.masker_.background
            answers = self.predictor_(rows) if way == "tree" else np.zeros((len(rows), 1))
            self.bins_ = bin_sets(self.masker_, way, answers)
        return self

    def _method(self, request: Request) -> Solve:
        kind = request.masker.kind
        settings = self.budget, self.sampling, self.kernel_width, self.seed_
        if kind == "table" and self.discretize is not None:
            return BinSolver(*settings, *self.bins_)
        if self.discretize not in (None, "auto"):
            raise ValueError(f"discretize={self.discretize!r} is for tables; the units of a {kind} "
                             "stay or go.")
        return MaskSolver(kind, *settings)
