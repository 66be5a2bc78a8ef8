"""CTMSR: one step of a consistency model in pixel space.

| module     | holds                                        |
|------------|----------------------------------------------|
| `restorer` | what is known of the method, and the restorer |
| `network`  | the DDPM++ U-Net with Swin layers             |
"""
