"""What others wrote: the works to cite, and the values that they print for each method."""
