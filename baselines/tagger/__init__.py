"""The tagger of the SeeSR family: RAM, and DAPE, which is RAM fine-tuned on degraded images.

- `extractor`   the prompt extractors and their cards
- `sight`       what the networks see of an image, and the embedding of it that SeeSR looks at
- `swin`        the image encoder, Swin-L
- `ram`         encoder, cross-attention head and classifier: image in, logits of 4585 tags out
- `checkpoint`  the official files, and folding DAPE's updates into RAM

RAM's text decoder, text encoder and tokenizer caption images; tags need none of them.
"""
