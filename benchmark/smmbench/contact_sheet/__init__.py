"""Contact sheets: frames of many videos in one image."""
