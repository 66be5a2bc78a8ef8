"""What the methods on Stable Diffusion 2 and 2.1 share: OSEDiff, PiSA-SR, SeeSR and their kin.

- `weights`     the base models as data: homes, mirrors, hashes, parameter counts
- `components`  U-Net, VAE and text encoder from a diffusers folder, checked
- `one_step`    latent in, denoised latent out: x0 at t = 999 by the formula
- `restorer`    the program around it: OSEDiff's and PiSA-SR's
- `memory`      what U-Net, VAE and text encoder take
- `ancestral`   many steps: DDPM's posterior on some of the 1000 timesteps
"""
