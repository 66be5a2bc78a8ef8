"""ResShift and SinSR: one diffusion that shifts the residual between LR and HR.

SinSR is ResShift's teacher distilled into one step: same networks, same autoencoder, same
constants, other weights.

| module        | holds                                                            |
|---------------|------------------------------------------------------------------|
| `cards`       | what is known of the five methods and of their weights           |
| `restorer`    | the five restorers                                               |
| `schedule`    | the noise schedule and the coefficients of the reverse chain     |
| `chain`       | the three reverse chains: one step, ancestral, deterministic     |
| `unet`        | the Swin U-Net                                                   |
| `autoencoder` | the VQ autoencoder, and the search in its codebook               |
"""
