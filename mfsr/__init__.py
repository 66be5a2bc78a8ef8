"""MFSR: MeanFlow distillation of DiT4SR into a one- or few-step model."""
