"""Microsoft Teams: a second chat platform behind the same ports, on the Bot Framework's connector."""
