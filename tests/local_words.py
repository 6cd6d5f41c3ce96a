"""A module that is not installed, as a person has one beside a notebook."""

START = 7


def shout(text: str) -> str:
    return text.upper() + str(START)
