"""Kernel SHAP, in the order of a walk through it.

`kernel_shap` holds the settings. `rows` explains one row: it makes a `Choice` (`plan`), asks what
that needs (`asking`, with the coalitions of `designs`) and computes the values (`solve`).
"""
