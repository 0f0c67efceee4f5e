"""What is wrong in Debian's bundles for an Eclipse to run of them, and how it is put right.

Each repair is one function that changes a bundle and says in a sentence what it did, or returns None where there is nothing to do.
"""

import re
from typing import Callable

from . import manifest
from .jars import Bundle, packages

# EMF is older in Debian than Eclipse asks for, and works.
ANY_VERSION = re.compile(r"org\.eclipse\.emf\.[\w.]+")
# Wanted by parts of bundles that the course does not use: signed update sites, the list of installed software.
NOT_NEEDED = re.compile(r"org\.bouncycastle(\.[\w]+)*|org\.eclipse\.equinox\.p2\.(engine|metadata)")
# The version that SWT has in Eclipse 4.29, which is what Debian packages.
SWT_VERSION = "3.124.100"


def versions(bundle: Bundle) -> str | None:
    """Requires EMF in whatever version there is."""
    required = bundle.header("Require-Bundle")
    changed = [c for c in required if ANY_VERSION.fullmatch(c.names[0]) and c.attributes.pop("bundle-version", None)]
    if not changed:
        return None
    bundle.headers["Require-Bundle"] = manifest.joined(required)
    return f"takes any version of {', '.join(c.names[0] for c in changed)}"


def optional(bundle: Bundle) -> str | None:
    """Lets a bundle do without what only an unused part of it needs."""
    changed = []
    for name in ("Import-Package", "Require-Bundle"):
        header = bundle.header(name)
        found = [c for c in header if NOT_NEEDED.fullmatch(c.names[0]) and not c.optional]
        for clause in found:
            clause.directives["resolution"] = "optional"
        if found:
            bundle.headers[name] = manifest.joined(header)
        changed += found
    return f"does without {', '.join(c.names[0] for c in changed)}" if changed else None


def class_path(bundle: Bundle) -> str | None:
    """Debian puts the classes of an inner jar into the outer one, and leaves the class path naming the inner."""
    inner = [clause.names[0] for clause in bundle.header("Bundle-ClassPath")]
    missing = [name for name in inner if name != "." and name not in bundle.names]
    if not missing or "." in inner:
        return None
    bundle.headers["Bundle-ClassPath"] = "."
    return f"has its classes beside {', '.join(missing)}"


def described_components(bundle: Bundle) -> str | None:
    """Writes the component descriptions that the manifest names and the jar lacks."""
    named = [clause.names[0] for clause in bundle.header("Service-Component")]
    missing = [name for name in named if "*" not in name and name not in bundle.names]
    if not missing:
        return None
    found = {}
    for component in bundle.components():
        found[component.name] = found[component.class_name] = component.xml.encode()
    for path in missing:
        name = path.rpartition("/")[2].removesuffix(".xml")
        if name not in found:
            raise LookupError(f"{bundle.name}: {path} is missing, and no class in it is that component")
        bundle.added[path] = found[name]
    return f"describes {len(missing)} components"


def swt(bundle: Bundle) -> str | None:
    """SWT's manifest has the version of years ago, and exports a part of what Eclipse's own SWT does."""
    if bundle.name != "org.eclipse.swt":
        return None
    bundle.headers["Bundle-Version"] = SWT_VERSION
    bundle.headers["Export-Package"] = ",".join(packages(bundle.names))
    return f"is version {SWT_VERSION} and exports all its packages"


ALL: tuple[Callable[[Bundle], str | None], ...] = (versions, optional, class_path, described_components, swt)
