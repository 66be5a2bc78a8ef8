"""DiT4SR (Duan et al., ICCV 2025): Stable Diffusion 3.5 medium with an LR stream, 40 steps.

- `network`, `weights`, `releases`   the network, its official files, which releases there are
- `field`                            what a velocity field is, and the network as one
- `flow_matching`                    how a field is taught
- `sampler`, `inference`             Euler steps under guidance; tiles
- `autoencoder`, `prompts`           latents and the paper's prompts
- `restorer`, `memory`               the harness's side
"""
