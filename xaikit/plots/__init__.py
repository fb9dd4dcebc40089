"""Plots of explanations: functions that draw on a matplotlib Axes and return it."""

from xaikit.plots.bar_plot import bar
from xaikit.plots.beeswarm_plot import beeswarm
from xaikit.plots.image_plot import image_overlay
from xaikit.plots.rule_plots import image_rule, precision_coverage, rule_card, text_rule
from xaikit.plots.scatter_plot import scatter
from xaikit.plots.text_plot import text_highlight
from xaikit.plots.waterfall_plot import waterfall

__all__ = ["bar", "beeswarm", "image_overlay", "image_rule", "precision_coverage", "rule_card",
           "scatter", "text_highlight", "text_rule", "waterfall"]
