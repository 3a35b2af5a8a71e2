"""Training and measurement of the models of `emoji-wan`, each by one command."""
