"""The only numba code: arrays in, arrays out, no checks and no randomness."""
