"""SeeSR (Wu et al., CVPR 2024) and AddSR (Xie et al., 2024), which distils it to few steps.

- `weights`   their files as data
- `network`   the stock networks with an image transformer behind each text transformer
- `restorer`  SeeSR: 50 ancestral steps under guidance
- `addsr`     AddSR: 4 steps, each of which but the first sees the last one's result
"""
