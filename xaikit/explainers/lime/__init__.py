"""LIME, in the order of a walk through it.

`lime` holds the settings. `masks` explains a row whose units are shown or hidden, `bins` a row of a
table whose columns are within or outside of the row's bins. Both take the number of samples, and
the test whether they are enough, from `samples`.
"""
