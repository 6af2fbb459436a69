"""lm-eval tasks, one folder a benchmark: `lm_eval --include_path eval/tasks --tasks <name>`."""
