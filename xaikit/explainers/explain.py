"""`explain`: contributions in one call, with the method and masker that suit the data."""

from __future__ import annotations

from typing import Any

from xaikit.explainers.shapley.kernel_shap import KernelSHAP
from xaikit.explanations.attribution import Attribution
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.text import TextMasker
from xaikit.tables.schema import as_table, other_than_table


def explain(model: Any, X: Any, background: Any = None, **settings: Any) -> Attribution:
    """Explain a model's answers by Shapley values, in one call.

    This is ``KernelSHAP(**settings).fit(model, background).explain(X)``, with a `TextMasker` for
    texts and an `ImageMasker` for images.

    Parameters
    ----------
    model : estimator, torch module, callable or Predictor
        Anything that `xaikit.wrap` takes.
    X : table, texts or images
        What is to be explained.
    background : table or masker, optional
        Rows whose values replace those of hidden features, such as the training data; for texts and
        images a masker with settings of your own. A table without background is explained against
        its own rows: a contribution is then a difference from the mean answer to `X`.
    **settings
        Those of `KernelSHAP`, such as ``budget=``, ``groups=``, ``outputs=`` and ``random_state=``.

    Returns
    -------
    Attribution
        A `TextAttribution` of texts, an `ImageAttribution` of images.

    Raises
    ------
    ValueError
        If a single row has no background, or as for `KernelSHAP`.
    ModelError
        If the model fails.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 8.0]])
    >>> explain(lambda X: X.sum(axis=1), X).values[:, :, 0]
    array([[-2., -3.],
           [ 0., -1.],
           [ 2.,  4.]])
    """
    other = other_than_table(X)
    if background is None and other is not None:
        background = TextMasker() if other == "texts" else ImageMasker()
    elif background is None:
        if len(as_table(X)) < 2:
            raise ValueError("a single row has no background of its own: pass background=, rows "
                             "such as the training data, whose values replace hidden features.")
        background = X
    return KernelSHAP(**settings).fit(model, background).explain(X)
