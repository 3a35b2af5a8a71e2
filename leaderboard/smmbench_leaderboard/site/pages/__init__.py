"""The pages of the site: one module per page, which prepares the data of its template."""
