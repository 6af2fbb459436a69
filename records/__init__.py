"""What all parts agree on: recipes, artefact records, hashing, atomic writes, the call format."""
