"""S3Diff (Zhang et al., 2024): SD-Turbo with LoRA modulated by each image's estimated degradation.

- `restorer`      the card and the interface
- `network`       the base model with the layers of `s3diff.pkl`; two prompts in one batch
- `lora`          a layer whose low-rank update is mixed per image
- `modulation`    degradation -> the mixing matrices of all blocks
- `degradation`   LR image -> (blur, noise)
"""
