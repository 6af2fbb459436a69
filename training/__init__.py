"""Training: nanotron 0.4, unedited, on CPU or GPU; from a base model through three stages to transformers folders."""
