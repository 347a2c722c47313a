"""The viewer in a real browser, against a real server."""
