"""OSGi versions and version ranges."""

import re

Version = tuple[int, int, int, str]


class BadVersion(ValueError):
    """A text that is no OSGi version or range."""


def parse(text: str) -> Version:
    """`1.2.3.qualifier`; what is missing is 0."""
    match = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.([\w-]+))?", text.strip(), re.ASCII)
    if not match:
        raise BadVersion(f"{text!r} is no OSGi version")
    return int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4] or ""


def within(version: Version, wanted: str) -> bool:
    """Whether the range `[1,2)`, or the least version `1.0`, has it."""
    match = re.fullmatch(r"\s*([\[(])([^,]+),([^\])]+)([\])])\s*", wanted)
    if not match:
        return version >= parse(wanted)
    low, high = parse(match[2]), parse(match[3])
    above = version >= low if match[1] == "[" else version > low
    below = version <= high if match[4] == "]" else version < high
    return above and below
