"""The folder of an Eclipse: the bundles, the framework that loads them, and what it is told at start."""

import hashlib
import shutil
from pathlib import Path

from .jars import Bundle

# Copied as they are: the launcher jar looks for the framework beside itself.
FRAMEWORK = {"equinox-launcher.jar": "org.eclipse.equinox.launcher.jar", "eclipse-osgi.jar": "org.eclipse.osgi.jar"}
# Bundles that are started and not only there, by start level; the others start when one of their classes is wanted.
STARTED = {
    "org.apache.felix.scr": "@1:start",
    "org.eclipse.equinox.common": "@2:start",
    "org.eclipse.equinox.event": "@2:start",
    "org.eclipse.core.runtime": "@start",
}
SETTINGS = {
    "osgi.framework": "file:plugins/org.eclipse.osgi.jar",
    "osgi.bundles.defaultStartLevel": "4",
    "eclipse.application": "org.eclipse.ui.ide.workbench",
}


def write_layout(eclipse: Path, jars: Path, bundles: list[Bundle], used: list[str]):
    """Writes plugins/, configuration/config.ini, build-id, which changes whenever a bundle does, and jars: what it was made of."""
    plugins = eclipse / "plugins"
    plugins.mkdir(parents=True)
    for source, name in FRAMEWORK.items():
        shutil.copyfile(jars / source, plugins / name)
    for bundle in bundles:
        bundle.write(plugins)
    configuration = eclipse / "configuration"
    configuration.mkdir()
    (configuration / "config.ini").write_text(config_ini(bundles))
    (eclipse / "jars").write_text("".join(f"{name}\n" for name in sorted({*FRAMEWORK, *used})))
    (eclipse / "build-id").write_text(_digest(plugins) + "\n")


def config_ini(bundles: list[Bundle]) -> str:
    """What the framework reads first, a Java properties file."""
    listed = [f"reference:file:{bundle.file_name}{STARTED.get(bundle.name, '')}" for bundle in bundles]
    lines = ["osgi.bundles=" + ",\\\n ".join(listed).replace(":", "\\:")]
    lines += [f"{key}={value.replace(':', chr(92) + ':')}" for key, value in SETTINGS.items()]
    return "\n".join(lines) + "\n"


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
