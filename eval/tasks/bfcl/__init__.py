"""BFCL's non-live single-turn categories, scored by BFCL's own checker."""
