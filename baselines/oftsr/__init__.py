"""OFTSR: one step along a flow that starts at the enlarged LR image, with a knob of fidelity.

- `releases`    which files there are, and what each was trained for
- `network`     diffusers' U-Net in the shape of guided diffusion's
- `checkpoint`  the released lists of unnamed tensors, put where they belong
- `solvers`     the teacher's ways from start to end
- `restorer`    cards and adapters
"""
