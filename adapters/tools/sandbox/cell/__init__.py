"""What stands around untrusted code. Standard library only: the runner's image holds this package and nothing else of ours."""
