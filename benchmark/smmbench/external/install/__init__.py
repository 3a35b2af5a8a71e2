"""Installing official code: the checkout, its environment, and its weights."""
