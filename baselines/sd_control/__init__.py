"""What SeeSR, AddSR and PASD share, and DiffBIR in part: a U-Net led by a ControlNet.

- `followed`    a stock layer and the second transformer that SeeSR, AddSR and PASD put behind it
- `controlled`  U-Net and ControlNet as one network; guidance; official files
- `restorer`    what their restorers have in common
- `memory`      the memory that they take, counted

The networks are diffusers' own classes; the sampler's step is in `baselines/sd21/ancestral.py`.
"""
