"""Slack: slack-bolt on our own HTTP server, or Socket Mode."""
