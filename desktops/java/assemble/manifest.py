"""Bundle manifests: reading, writing, and the grammar of OSGi headers (`a;version="[1,2)";resolution:=optional,b`)."""

import re
from dataclasses import dataclass, field

# A manifest's line has at most 72 bytes with its CR LF (JAR specification).
LINE = 70


def parse(data: bytes) -> dict[str, str]:
    """The main section's headers, in their order. The last of two equal ones counts, as in java.util.jar."""
    # Lines are folded by bytes, within letters too.
    unfolded = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n ", b"")
    text = unfolded.decode("utf-8", "replace")
    headers = {}
    for line in text.split("\n\n", 1)[0].split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers


def write(headers: dict[str, str]) -> bytes:
    """The bytes of META-INF/MANIFEST.MF."""
    lines = [_folded("Manifest-Version", "1.0")]
    lines += [_folded(name, value) for name, value in headers.items() if name != "Manifest-Version"]
    return b"".join(lines) + b"\r\n"


def _folded(name: str, value: str) -> bytes:
    rest = f"{name}: {value}".encode()
    pieces = [rest[:LINE]]
    rest = rest[LINE:]
    while rest:
        pieces.append(b" " + rest[: LINE - 1])
        rest = rest[LINE - 1 :]
    return b"\r\n".join(pieces) + b"\r\n"


@dataclass
class Clause:
    """One clause of a header: its names, and its attributes (`a=b`) and directives (`a:=b`), unquoted."""

    names: list[str]
    attributes: dict[str, str] = field(default_factory=dict)
    directives: dict[str, str] = field(default_factory=dict)

    @property
    def optional(self) -> bool:
        return self.directives.get("resolution") == "optional"

    def __str__(self) -> str:
        parts = list(self.names)
        parts += [f'{key}="{value}"' for key, value in self.attributes.items()]
        parts += [f'{key}:="{value}"' for key, value in self.directives.items()]
        return ";".join(parts)


def clauses(header: str) -> list[Clause]:
    """The clauses of a header; none if it is empty."""
    return [_clause(part) for part in _split(header, ",") if part]


def joined(parts: list[Clause]) -> str:
    """The header of those clauses."""
    return ",".join(str(part) for part in parts)


def _clause(text: str) -> Clause:
    clause = Clause([])
    for part in _split(text, ";"):
        match = re.match(r'([\w.-]+)\s*(:?=)\s*"?(.*?)"?$', part, re.DOTALL)
        if match:
            into = clause.directives if match[2] == ":=" else clause.attributes
            into[match[1]] = match[3]
        elif part:
            clause.names.append(part)
    return clause


def _split(text: str, separator: str) -> list[str]:
    """Splits where the separator is outside quotes."""
    parts, quoted, start = [], False, 0
    for at, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append(text[start:at].strip())
            start = at + 1
    parts.append(text[start:].strip())
    return parts
