"""TSD-SR (Dong et al., CVPR 2025): SD 3 medium with LoRA, one step from the LR image."""
