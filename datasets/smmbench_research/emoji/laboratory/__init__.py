"""The laboratory: what methods do in a world where everything true is known."""
