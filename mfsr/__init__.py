"""MFSR: MeanFlow distillation of DiT4SR into a one- or few-step model.

The method, in the order in which a reader of the paper meets it:

- `flow`          points on straight paths, intervals, the protocol of U(z, sigma, r | c)
- `field`         a network as V or U
- `student`       a second time, LoRA, and what is trained; the re-fit of the time embedding
- `meanflow`      time sampling, velocities (Eq. 9 to 11), target (Eq. 12), loss
- `alternatives`  objectives without a Jacobian-vector product: SplitMeanFlow, OFTSR
- `distillation`  the paper's choices among these, and the loss that they make
- `sampler`       average-velocity steps (Algorithm 2)
- `bundle`, `inference`, `restorer`   a model on disk, at work, as a method of the harness

Beneath it: the teacher's network, field, flow matching and Euler steps in `baselines.dit4sr`, and
what the small pair has of its own in `mfsr.tiny`. Above it: `mfsr.training`.

The symbols, and the paper's Algorithm 1 beside the code: `meanflow`.
"""
