"""How the models of the embedded world were trained, each by one command."""
