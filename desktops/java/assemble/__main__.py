"""`python3 -m assemble FROM INTO`: the bundles of bundles.txt from Debian's folder of jars, repaired, as an Eclipse in INTO."""

import sys
import tempfile
from pathlib import Path

from . import check, repairs, wrapped
from .jars import Bundle
from .layout import write_layout

LIST = Path(__file__).parent / "bundles.txt"
USAGE = "usage: python3 -m assemble JARS ECLIPSE   (for example /usr/share/java /opt/eclipse)"


def wanted_names(text: str) -> list[str]:
    """The names in a list, one a line; # starts a remark."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def select(jars: Path, names: list[str]) -> list[Bundle]:
    """The bundles of those names, or a LookupError that has all that are missing."""
    found: dict[str, Bundle] = {}
    for path in sorted(jars.glob("*.jar")):
        bundle = None if path.is_symlink() else Bundle.read(path)
        if bundle is not None:
            found.setdefault(bundle.name, bundle)
    missing = [name for name in names if name not in found]
    if missing:
        raise LookupError(f"{jars} lacks {', '.join(missing)}: which Debian package has it now?")
    return [found[name] for name in names]


def assemble(jars: Path, eclipse: Path):
    """Makes the Eclipse."""
    with tempfile.TemporaryDirectory() as scratch:
        bundles = select(jars, wanted_names(LIST.read_text()))
        bundles += [wrapped.make(each, jars, Path(scratch)) for each in wrapped.ALL]
        for bundle in bundles:
            for repair in repairs.ALL:
                done = repair(bundle)
                if done:
                    print(f"assemble: {bundle.name} {done}")
        problems = check.problems(bundles)
        if problems:
            raise LookupError("these bundles do not fit:\n  " + "\n  ".join(problems))
        used = [bundle.source.name for bundle in bundles if bundle.source.parent == jars]
        used += [jar for each in wrapped.ALL for jar in each.jars]
        write_layout(eclipse, jars, bundles, used)
    print(f"assemble: {len(bundles)} bundles in {eclipse}")


def main(words: list[str]) -> int:
    """Exit status 0: done, 1: failed, 2: wrong use."""
    if len(words) != 2 or words[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        assemble(Path(words[0]), Path(words[1]))
    except (OSError, LookupError, ValueError) as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
