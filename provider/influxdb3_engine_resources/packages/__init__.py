"""Package sets: what they ask for, runs of pip, and verification."""
