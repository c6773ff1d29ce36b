"""Tools that combine ports: each is made for one run, bound to what it may touch."""
