"""Tools of others, over streamable HTTP: connections, what is told of their tools and answers, and signing in to them."""
