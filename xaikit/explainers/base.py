"""What all explainers share: settings that are checked and recorded, seeds, and a bound model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from xaikit.explanations.base import Explanation
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.targets import about_outputs
from xaikit.predictor.wrapping import wrap
from xaikit.sampling.seeds import resolve_seed
from xaikit.settings import Constraint, check, described


class Explainer(BaseEstimator):
    """Base of all explainers: constructors store settings, `fit` binds a model, `explain` answers.

    `fit` sets `predictor_` and `seed_`; `explain` never changes the explainer.
    """

    own_settings: ClassVar[Mapping[str, Constraint]] = {}
    """Constraints on settings that `xaikit.settings` does not know."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = described(cls.__doc__)

    def fit(self, model: Any, background: Any = None) -> Self:
        """Bind a model.

        Parameters
        ----------
        model : estimator, torch module, callable or Predictor
        background : DataFrame or array, optional
            If given, the model is probed on two different rows of it.

        Raises
        ------
        ValueError
            For settings out of range, or a model that the probe refuses.
        ModelError
            If the model fails.
        """
        self.check_settings()
        predictor = self._wrap(model)
        self.seed_ = resolve_seed(self.get_params(deep=False).get("random_state"))
        self.predictor_ = predictor if background is None else predictor.bind(background)
        return self

    def explain(self, X: Any) -> Explanation:
        """Explain; each method documents its input."""
        raise TypeError(f"{type(self).__name__} cannot explain.")

    def check_settings(self) -> None:
        """Check all settings; a method extends this by what is wrong in combination.

        Raises
        ------
        ValueError
            For the first setting out of range.
        """
        check(self.get_params(deep=False), self.own_settings)

    def _wrap(self, model: Any) -> Predictor:
        """Wrap a model with this explainer's settings about it."""
        params = self.get_params(deep=False)
        return wrap(model, outputs=params.get("outputs"),
                    batch_size=params.get("batch_size", "auto"))

    def _check_ready(self) -> None:
        check_is_fitted(self, "predictor_", msg=(
            "this %(name)s is not fitted yet; call fit(model, background) before explain."))
        self.check_settings()

    def _about(self, predictor: Predictor | None = None, answers: Iterable[np.ndarray] = ()
               ) -> dict[str, Any]:
        """Return the fields of an explanation that say which method made it, and how.

        With a predictor, also what plots need to know of its outputs; see `about_outputs`.
        """
        settings = {key: plain(value) for key, value in self.get_params(deep=False).items()}
        if predictor is not None:
            settings |= about_outputs(predictor, answers)
        return {"method": type(self).__name__, "settings": settings,
                "random_state": getattr(self, "seed_", None)}


def plain(value: Any) -> Any:
    """Return a setting as a plain value; anything but numbers, text and lists becomes its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return getattr(value, "__qualname__", None) or repr(value)
