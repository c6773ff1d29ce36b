"""What an agent fetches from the web: the one way out for tools."""
