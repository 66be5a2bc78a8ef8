"""StableSR (Wang et al., IJCV 2024): SD 2.1 whose every resnet is modulated by the LR image.

- `structure`  the LR latent -> features of four sizes, anew at every timestep
- `modulated`  the stock U-Net with spatially-adaptive normalisation (SPADE) in each resnet
- `fused`      the stock VAE whose decoder looks at its encoder's features (CFW)
- `network`    the official files
- `restorer`   the card and the way from image to image
"""
