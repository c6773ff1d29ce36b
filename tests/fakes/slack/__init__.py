"""The parts of the fake Slack; use `tests.fakes.slack_server.SlackServer`."""
