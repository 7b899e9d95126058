"""Started triggers: when each runs, on what input, and what its plugin's output leads to."""
