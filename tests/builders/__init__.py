"""What tests are made on: tiny models, small datasets, trees of made-up results."""
