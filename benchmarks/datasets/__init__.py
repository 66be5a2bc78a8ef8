"""Test sets: the catalogue, where they lie, pairing by name, manifests, fetching and making."""
