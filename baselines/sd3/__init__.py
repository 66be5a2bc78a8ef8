"""What the methods on Stable Diffusion 3 share.

- `text`      prompts -> embeddings, by its three encoders
- `memory`    the VAE's shape, and the memory that its networks take
"""
