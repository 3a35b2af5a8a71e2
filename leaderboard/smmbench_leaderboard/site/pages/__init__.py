"""The pages of the site: one module a page, from the frame to what its template shows."""
