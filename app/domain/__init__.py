"""The nouns of Latchkey: frozen dataclasses on the standard library only."""
