"""OSEDiff (Wu et al., NeurIPS 2024): Stable Diffusion 2.1 with LoRA, one step from the LR image."""
