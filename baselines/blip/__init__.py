"""BLIP (Li et al., ICML 2022): a caption of an LR image, as PASD asks for it with --use_blip."""
