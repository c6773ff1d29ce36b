"""A chat in the browser, on loopback only: the third platform, for which nobody needs an account."""
