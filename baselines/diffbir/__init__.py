"""DiffBIR (Lin et al., ECCV 2024): a regression network cleans, a led Stable Diffusion adds detail.

- `versions`  the three releases as data: files, prompts, cleaner, parameterisation
- `cleaner`   stage 1: BSRNet, or SwinIR through spandrel
- `network`   stage 2: the U-Net of SD 2.1 and a ControlNet that sees the cleaned image's latent
- `solver`    version 2.1's own sampler
- `restorer`  the card and the way from image to image
"""
