"""F0 of recordings: trackers, one a file, with a row in the registry; voicing; both on the feature contract."""
