"""How the models of `emoji-wan` were trained and measured, each by one command."""
