"""What a user does with a vocoder: sing recordings again, sing features, decode a set, sing live."""
