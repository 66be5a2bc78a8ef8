"""The trainer: recipes, data, the loop, and the command `mfsr-bench train`."""
