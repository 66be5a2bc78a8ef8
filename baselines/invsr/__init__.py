"""InvSR (Yue et al., CVPR 2025): SD-Turbo, from a predicted noise map, in 1 to 5 steps."""
