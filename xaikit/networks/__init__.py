"""Networks as weights and activations, whatever framework they come from."""
