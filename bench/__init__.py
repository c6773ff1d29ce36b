"""What Latchkey costs, measured beside a bare slack-bolt app in the same run."""
