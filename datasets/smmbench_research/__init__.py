"""Research on the embedded worlds: training, laboratory and validation. Not part of the wheel."""
