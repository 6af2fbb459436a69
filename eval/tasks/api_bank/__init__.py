"""API-Bank: the next call, or the next words, of a dialogue with APIs."""
