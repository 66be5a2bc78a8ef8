"""PASD (Yang et al., ECCV 2024): a decoder whose every layer looks at the ControlNet's residual."""
