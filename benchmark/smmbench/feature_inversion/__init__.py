"""Feature inversion: reconstruct videos from a clip's features, to show what those encode."""
