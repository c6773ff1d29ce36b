"""What agents use beyond the chat: the web, documents, isolated code, servers of tools; each behind a port."""
