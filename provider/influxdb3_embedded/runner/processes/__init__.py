"""Worker processes of plugins: start, reuse, cached values, end."""
