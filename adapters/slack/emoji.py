"""Emoji characters → the short codes that Slack wants for an icon, and back from what people of Slack type."""

_CODES = {
    "🤖": "robot_face", "🦊": "fox_face", "🐱": "cat", "🐶": "dog", "🦉": "owl", "🐝": "bee", "🐙": "octopus", "🦄": "unicorn_face",
    "🐢": "turtle", "🐧": "penguin", "🐼": "panda_face", "🦁": "lion_face", "🐯": "tiger", "🐸": "frog", "🦋": "butterfly", "🐬": "dolphin",
    "🔑": "key", "🗝️": "old_key", "✨": "sparkles", "⭐": "star", "🌟": "star2", "🔥": "fire", "⚡": "zap", "🌈": "rainbow",
    "📚": "books", "📝": "memo", "✍️": "writing_hand", "📊": "bar_chart", "📈": "chart_with_upwards_trend", "🔍": "mag", "🔎": "mag_right",
    "💡": "bulb", "🧠": "brain", "🛠️": "hammer_and_wrench", "🔧": "wrench", "⚙️": "gear", "🧪": "test_tube", "🔬": "microscope",
    "🧮": "abacus", "💻": "computer", "🖥️": "desktop_computer", "📅": "calendar", "📣": "mega", "💬": "speech_balloon", "🎨": "art",
    "🎯": "dart", "🚀": "rocket", "🌍": "earth_africa", "🌐": "globe_with_meridians", "⚖️": "scales", "🛡️": "shield", "💰": "moneybag",
    "🧑‍💻": "technologist", "👩‍🔬": "female-scientist", "🧙": "mage", "🕵️": "sleuth_or_spy", "👋": "wave", "🙂": "slightly_smiling_face",
}  # fmt: skip

_CHARACTERS = {code: character for character, code in _CODES.items()}


def character(typed: str) -> str:
    """`:fox_face:` → `🦊`; anything else as it is."""
    code = typed.strip()
    return _CHARACTERS.get(code[1:-1], typed) if code[:1] == code[-1:] == ":" else typed


def shortcode(emoji: str) -> str:
    """`🦊` → `:fox_face:`; empty for one that we know no code of (it then goes into the name)."""
    if emoji.startswith(":") and emoji.endswith(":") and len(emoji) > 2:
        return emoji
    code = _CODES.get(emoji) or _CODES.get(emoji.removesuffix("\ufe0f")) or _CODES.get(f"{emoji}\ufe0f")
    return f":{code}:" if code else ""
