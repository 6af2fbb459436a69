"""The corpus: seeds, retrieval, filter, deduplication, decontamination, mix, shards and their description."""
