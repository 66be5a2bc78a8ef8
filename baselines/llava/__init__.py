"""LLaVA-1.5 (Liu et al., CVPR 2024): a caption of an LR image, as DiT4SR asks for it."""
