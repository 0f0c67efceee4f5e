"""Whether the bundles fit each other: OSGi would only say so at start, by a window that does not come."""

from collections import defaultdict

from . import version
from .jars import Bundle
from .manifest import Clause

# Packages that the framework itself, or the JDK, gives beside java.*.
PROVIDED = (
    "java.", "javax.", "jdk.", "com.sun.", "sun.", "netscape.javascript", "org.ietf.jgss", "org.w3c.dom", "org.xml.sax",
    "org.eclipse.osgi", "org.osgi.framework", "org.osgi.resource", "org.osgi.service.condition", "org.osgi.service.condpermadmin",
    "org.osgi.service.log", "org.osgi.service.packageadmin", "org.osgi.service.permissionadmin", "org.osgi.service.resolver",
    "org.osgi.service.startlevel", "org.osgi.service.url", "org.osgi.util.tracker", "org.osgi.dto", "org.eclipse.core.runtime.internal.adaptor",
    "org.eclipse.equinox.log",
)
# The framework, which is started and not listed.
FRAMEWORK = {"org.eclipse.osgi", "system.bundle"}


def problems(bundles: list[Bundle]) -> list[str]:
    """A sentence for each thing that a bundle needs and no other gives."""
    versions = {bundle.name: bundle.version for bundle in bundles}
    exports: dict[str, list[version.Version]] = defaultdict(list)
    for bundle in bundles:
        for clause in bundle.header("Export-Package"):
            given = version.parse(clause.attributes.get("version", "0"))
            for package in clause.names:
                exports[package].append(given)
    return [problem for bundle in bundles for problem in _of(bundle, versions, exports)]


def _of(bundle: Bundle, versions: dict, exports: dict) -> list[str]:
    found = []
    for clause in bundle.header("Require-Bundle") + bundle.header("Fragment-Host"):
        name, wanted = clause.names[0], clause.attributes.get("bundle-version", "0")
        have = [versions[name]] if name in versions else []
        if name not in FRAMEWORK and not _met(clause, have, wanted):
            found.append(f"{bundle.name} needs the bundle {name} {wanted}{_instead(have)}")
    for clause in bundle.header("Import-Package"):
        wanted = clause.attributes.get("version", "0")
        for name in clause.names:
            if not name.startswith(PROVIDED) and not _met(clause, exports[name], wanted):
                found.append(f"{bundle.name} needs the package {name} {wanted}{_instead(exports[name])}")
    return found


def _met(clause: Clause, have: list[version.Version], wanted: str) -> bool:
    return clause.optional or any(version.within(each, wanted) for each in have)


def _instead(have: list[version.Version]) -> str:
    return f", there is {', '.join('.'.join(map(str, each[:3])) for each in have)}" if have else ", which is not there"
