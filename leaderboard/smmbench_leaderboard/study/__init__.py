"""A human study: blind two-way choices, made as a static page and analysed from answer files."""
