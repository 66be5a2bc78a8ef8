"""Metrics that are networks. Importing a module of this folder imports torch."""
