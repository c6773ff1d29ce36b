"""What Latchkey costs, side by side with a bare slack-bolt app: `make bench`."""
