"""Scores of the trained models on public benchmarks, through lm-eval."""
