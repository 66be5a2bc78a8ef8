"""AdcSR (Chen et al., CVPR 2025): OSEDiff compressed to a pruned U-Net and half a decoder."""
