"""The Spaces of a release. Each folder below is complete by itself; this package only assembles and starts them."""
