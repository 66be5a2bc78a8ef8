"""SUPIR (Yu et al., CVPR 2024): SDXL, led by a copy of its encoder through the decoder's skips.

- `weights`   its files as data, and the shapes of the networks
- `adapters`  ZeroSFT and zero cross-attention: what the decoder does with the control features
- `network`   control branch and U-Net as one network; the official files
- `text`      SDXL's two text encoders, and the vector of sizes
- `sampler`   the EDM sampler with SUPIR's guidance
- `restorer`  the card and the way from image to image
"""
