"""Key-encryption keys, by where they are kept."""
