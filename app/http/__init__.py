"""The one web server; it takes routes from platforms and knows none of them."""
