"""The ledger of published boards: entries are added, chained and withdrawn, but never edited."""
