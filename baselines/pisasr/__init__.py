"""PiSA-SR (Sun et al., CVPR 2025): Stable Diffusion 2.1 with two groups of LoRA, one step."""
