"""Which questions to ask a model, and asking them."""
