"""Documents that nobody trusts, read in processes of their own."""
