"""DiT4SR (Duan et al., ICCV 2025): Stable Diffusion 3.5 medium with an LR stream, 40 steps."""
