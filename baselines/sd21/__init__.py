"""What the one-step methods on Stable Diffusion 2.1 share: OSEDiff, S3Diff and their kin.

- `weights`     the base models as data: homes, mirrors, hashes, parameter counts
- `components`  U-Net, VAE and text encoder from a diffusers folder, checked
- `lora`        the low-rank updates of a checkpoint, and folding them
- `one_step`    latent in, denoised latent out: x0 at t = 999 by the formula
- `vae`         encoding, decoding, and tiles for large images
"""
