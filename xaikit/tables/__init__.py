"""Tables and their words: what every other room may import, and which imports none of them."""
