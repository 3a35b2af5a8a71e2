"""Work spread over a Ray cluster: connecting, workers that may die, files fetched whole."""
