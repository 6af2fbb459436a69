"""MMLU: lm-eval's own task, offline from the authors' CSV files where `BENCH_DATA` has them."""
