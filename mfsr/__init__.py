"""MFSR: MeanFlow distillation of DiT4SR into a one- or few-step model.

The method, in the order in which a reader of the paper meets it:

- `flow`          straight paths, their points, the protocols V(z, sigma | c), U(z, sigma, r | c)
- `dit`           the network: DiT4SR on diffusers' SD3 transformer
- `field`         a network as V or U
- `student`       a second time, LoRA, and what is trained; the re-fit of the time embedding
- `meanflow`      time sampling, velocities (Eq. 9 to 11), target (Eq. 12), loss
- `alternatives`  objectives without a Jacobian-vector product: SplitMeanFlow, OFTSR
- `sampler`       average-velocity steps (Algorithm 2), Euler steps with guidance

Around it: `autoencoder`, `conditioning` and `prompts` (latents and text), `words` (what negative
words look like), `data`, `tasks` (the two stages' losses), `trainer`, `ema`, `checkpoint`,
`recipes` (complete configurations), `stages` (recipe -> model), `plan`; `dit_weights` and `bundle`
(models on disk), `config`; `inference`, `restorer` and `cli` (the harness's side).

| here                       | paper                  | diffusers          |
|----------------------------|------------------------|--------------------|
| sigma, from 0 to 1 = noise | t = 1 - sigma          | sigma              |
| r <= sigma                 | s = 1 - r >= t         |                    |
| x, eps                     | z_1, z_0               | latents, noise     |
| V(z, sigma) = dz/dsigma    | v(z, t) = -V           | the model's output |
| U(z, sigma, r)             | u(z, t, s) = -U        |                    |
| V_inst, w                  | Eq. 11, w              | guidance 1 + w     |
"""
