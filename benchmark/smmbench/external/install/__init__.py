"""Install official code: the checkout, its environment, and its weights."""
