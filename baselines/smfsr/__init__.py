"""SMFSR: average velocities of DiT4SR's network, from noise, in one to four steps.

- `network`   DiT4SR's network with two times, and its files
- `sampler`   its steps
- `restorer`  card and adapter
"""
