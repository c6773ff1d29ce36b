"""Microsoft Teams on loopback: its identity service, its connector, and its people."""
