"""Human studies: blind choices between two videos on a static page, and their analysis."""
