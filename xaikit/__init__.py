"""Model-agnostic explanations with error bars, for any predict function.

Every public name is loaded on first use, so that importing xaikit costs next to nothing.

Examples
--------
>>> import xaikit as xk
>>> explainer = xk.KernelSHAP(random_state=0)
>>> explainer
KernelSHAP(random_state=0)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME_OF = {
    "Anchors": "xaikit.explainers.anchors.anchors",
    "Attribution": "xaikit.explanations.attribution",
    "Condition": "xaikit.tables.conditions",
    "Cost": "xaikit.explanations.base",
    "DenseNetwork": "xaikit.networks.network",
    "ExtremalMask": "xaikit.explainers.extremal_mask",
    "FormatError": "xaikit.errors",
    "Game": "xaikit.sampling.game",
    "ImageAttribution": "xaikit.explanations.image",
    "ImageMasker": "xaikit.sampling.image",
    "ImageRules": "xaikit.explanations.rules_of_units",
    "Importance": "xaikit.explanations.importance",
    "KernelSHAP": "xaikit.explainers.shapley.kernel_shap",
    "LIME": "xaikit.explainers.lime.lime",
    "MeanImpactValue": "xaikit.explainers.mean_impact",
    "ModelError": "xaikit.errors",
    "Occlusion": "xaikit.explainers.occlusion",
    "PermutationImportance": "xaikit.explainers.permutation",
    "PredictionDifference": "xaikit.explainers.prediction_difference",
    "Predictor": "xaikit.predictor.adapter",
    "ProbeError": "xaikit.errors",
    "RISE": "xaikit.explainers.rise",
    "Report": "xaikit.reporting.build",
    "Rule": "xaikit.tables.rules",
    "RuleSet": "xaikit.explanations.rules",
    "Schema": "xaikit.tables.schema",
    "SettingError": "xaikit.errors",
    "TabularMasker": "xaikit.sampling.tabular",
    "TextAttribution": "xaikit.explanations.text",
    "TextMasker": "xaikit.sampling.text",
    "TextRules": "xaikit.explanations.rules_of_units",
    "TrustError": "xaikit.errors",
    "XaikitError": "xaikit.errors",
    "explain": "xaikit.explainers.explain",
    "kmeans_background": "xaikit.sampling.kmeans",
    "load_explanation": "xaikit.explanations.base",
    "load_model": "xaikit.predictor.loading",
    "plots": "xaikit.plots",
    "regions": "xaikit.explainers.regions",
    "report": "xaikit.reporting.build",
    "submodular_pick": "xaikit.explanations.pick",
    "wrap": "xaikit.predictor.wrapping",
}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'xaikit' has no attribute {name!r}")
    home = import_module(_HOME_OF[name])
    value = home if home.__name__ == f"xaikit.{name}" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
