"""The product itself: nouns, ports, use cases; it knows no platform and no vendor."""
