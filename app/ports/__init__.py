"""Every boundary of Latchkey, a page each."""
