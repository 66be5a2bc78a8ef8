"""Metrics: the catalogue, protocols, back ends and scoring."""
