"""HYPIR (Lin et al., 2025): Stable Diffusion 2.1 with LoRA, trained as a GAN, one step."""
