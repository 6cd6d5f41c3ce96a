"""Colours: dark, light, high contrast, and big screen for a projector.

Right and wrong are blue and orange in all of them, and never told apart by colour alone.
"""

from textual.theme import Theme

THEMES = (
    Theme(
        name="sitool-dark",
        primary="#4ea1f3",
        secondary="#7aa2c8",
        accent="#56b4e9",
        success="#56b4e9",
        warning="#e69f00",
        error="#e05d5d",
        foreground="#dcdfe4",
        background="#15181d",
        surface="#1b1f26",
        panel="#252b34",
        dark=True,
    ),
    Theme(
        name="sitool-light",
        primary="#0b62a8",
        secondary="#3d6d96",
        accent="#0b62a8",
        success="#0b62a8",
        warning="#a85400",
        error="#b3261e",
        foreground="#1d2126",
        background="#fbfbfa",
        surface="#f2f2f0",
        panel="#e3e4e2",
        dark=False,
    ),
    Theme(
        name="sitool-contrast",
        primary="#ffffff",
        secondary="#ffffff",
        accent="#ffff00",
        success="#00d7ff",
        warning="#ffaf00",
        error="#ff5f5f",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        dark=True,
        variables={"text-muted": "#ffffff", "text-disabled": "#d0d0d0"},
    ),
    Theme(
        name="sitool-projector",
        primary="#00408a",
        secondary="#00408a",
        accent="#00408a",
        success="#004fb0",
        warning="#b04a00",
        error="#a00000",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#e8e8e8",
        dark=False,
        variables={"text-muted": "#000000", "text-disabled": "#303030"},
    ),
)
