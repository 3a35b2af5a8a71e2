"""Published literature: works to cite, and the values that papers print for each method."""
