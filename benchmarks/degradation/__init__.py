"""The second-order degradation of Real-ESRGAN: HR photographs in, realistic LR images out.

One seeded implementation makes the `sample` and `div2k-val` test sets and the pairs that MFSR is
trained on. Each stage is a pure function of its explicit parameters.

- `parameters` ranges and probabilities, as frozen data: the published x4 values, and milder ones
- `recipe`     what was drawn for one image, and the drawing of it
- `pipeline`   `degrade`, `degrade_pair` and `apply`: the entry points
- `kernels`    blur kernels in closed form
- `filtering`  filtering with a kernel, and the USM sharpening of the target
- `resizing`   area, bilinear and bicubic resizing
- `noise`      Gaussian and Poisson noise
- `jpeg`       JPEG compression at a real-valued quality

Images between the stages are *planes*: float64 of shape (3, h, w) in [0, 1], RGB.

Source: Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
Data", ICCV Workshops 2021, section 3 and appendix; values of the authors' options file
train_realesrgan_x4plus.yml. Known differences from the authors' code:

- float64 on the CPU instead of float32 on a GPU, and one recipe per image instead of one per batch;
- JPEG completes its blocks by repeating the edge, as real codecs do, where the authors' code pads
  with black, which rings at the right and lower border of images that 16 does not divide;
- JPEG's luma table lies as the standard has it; the authors' code has it transposed;
- no pool of past pairs: it only mixes the batches of the authors' trainer.
"""
