"""What ResShift, SinSR and CTMSR share: CTMSR's authors built on ResShift's code.

| module     | holds                                                                |
|------------|----------------------------------------------------------------------|
| `restorer` | one image after the other, tile after tile                           |
| `chopping` | large LR images in overlapping tiles, averaged                       |
| `noise`    | the noise stream: per image, or upstream's one stream for all images |
| `swin`     | the Swin layer on feature maps, with the released weights' mask      |
"""
