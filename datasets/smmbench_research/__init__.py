"""How the embedded worlds were made: training, laboratory and validation. Not part of the wheel."""
