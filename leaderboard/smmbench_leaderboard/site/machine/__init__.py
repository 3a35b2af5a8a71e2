"""What programs read of the site: boards and rows as JSON, pairs as CSV, a feed, cards of links."""
