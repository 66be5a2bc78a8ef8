"""FlowSR: one Euler step from the LR image's latent, in a third party's reproduction.

- `network`   the checkpoint folded into Stable Diffusion 2.1-base
- `restorer`  card and adapter
"""
