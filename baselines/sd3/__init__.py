"""What the methods on Stable Diffusion 3 share.

- `text`          prompts -> embeddings, by its three encoders
- `noise_levels`  those of its scheduler
- `memory`        the VAE's shape, and the memory that its networks take
"""
