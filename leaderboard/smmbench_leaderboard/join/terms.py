"""What announcements agree to, and where they lie; the command line reads no more of them."""

FOLDER = "leaderboard/submissions"
"""Where announcements lie in the repository."""

AGREEMENT = (
    "I may publish these videos; they may be kept, shown and scored again; "
    "the rules in leaderboard/docs/policy.md hold for this submission."
)
"""What a submitter agrees to: stated word for word, so that it stands in the commit of the person
who says it."""
