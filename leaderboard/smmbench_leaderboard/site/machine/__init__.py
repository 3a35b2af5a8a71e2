"""Files of the site for programs: boards and rows as JSON, pairs as CSV, a feed, link cards."""
