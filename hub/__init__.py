"""Releases: plan what goes out, apply it through the real client, verify it by reading it back."""
