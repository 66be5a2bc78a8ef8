"""The run: a plan of pure, idempotent tasks, and the worker processes that do them."""
