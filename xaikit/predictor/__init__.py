"""A model, whatever it is, as one batched function."""
