"""The small pair, dit4sr-tiny and mfsr-tiny: weights, and what stands for SD 3.5's parts.

- `latent`     pixels as frequencies, for the autoencoder
- `phrases`    a table of phrases, for the text encoders
- `prompts`    the phrases
- `words`      what negative words look like, to train on
"""
