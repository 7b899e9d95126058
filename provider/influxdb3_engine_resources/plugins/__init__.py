"""Plugin files and directories: writing, drift, dry runs before a change, removal."""
