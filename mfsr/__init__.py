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

| here                       | paper                  | diffusers          |
|----------------------------|------------------------|--------------------|
| sigma, from 0 to 1 = noise | t = 1 - sigma          | sigma              |
| r <= sigma                 | s = 1 - r >= t         |                    |
| x, eps                     | z_1, z_0               | latents, noise     |
| V(z, sigma) = dz/dsigma    | v(z, t) = -V           | the model's output |
| U(z, sigma, r)             | u(z, t, s) = -U        |                    |
| V_inst, w                  | Eq. 11, w              | guidance 1 + w     |
"""
