"""Colours: two calm themes of our own beside those the framework brings."""

from textual.theme import Theme

DEFAULTS = {"quiet": "#808080"}  # secondary text, in themes that don't name a colour for it
DARK = Theme(
    name="leafhub-dark",
    primary="#7fb77e",
    secondary="#6a9c89",
    accent="#8ec5c0",
    warning="#e0b25a",
    error="#e5737a",
    success="#7fb77e",
    foreground="#d5dad6",
    background="#121614",
    surface="#1a1f1c",
    panel="#222925",
    dark=True,
    variables={
        "quiet": "#7f8b84",
        "footer-key-foreground": "#7fb77e",
        "block-cursor-text-style": "none",
    },
)
LIGHT = Theme(
    name="leafhub-light",
    primary="#2f7d4f",
    secondary="#4f8a72",
    accent="#1f7a7a",
    warning="#8a5a00",
    error="#b3323b",
    success="#2f7d4f",
    foreground="#1f2923",
    background="#fafbf9",
    surface="#f0f3ef",
    panel="#e3e9e3",
    dark=False,
    variables={
        "quiet": "#67736b",
        "footer-key-foreground": "#2f7d4f",
        "block-cursor-text-style": "none",
    },
)
