"""Bundles made of jars that Debian has as plain libraries, or as one large bundle where Eclipse wants several."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import manifest
from .jars import MANIFEST, Bundle, packages, put


@dataclass(frozen=True)
class Wrapped:
    """A bundle to make: its name and version, the jars it is made of, and the folders of them that it takes (all if none)."""

    name: str
    version: str
    jars: tuple[str, ...]
    folders: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def _compendium(name: str, version: str) -> Wrapped:
    folder = name.replace(".", "/") + "/"
    return Wrapped(name, version, ("osgi.cmpn.jar",), (folder,), (("DynamicImport-Package", "org.osgi.*"),))


ALL = (
    _compendium("org.osgi.service.prefs", "1.1.2"),
    _compendium("org.osgi.service.event", "1.4.1"),
    _compendium("org.osgi.service.component", "1.5.1"),
    _compendium("org.osgi.service.cm", "1.6.1"),
    _compendium("org.osgi.service.metatype", "1.4.1"),
    _compendium("org.osgi.util.promise", "1.3.0"),
    _compendium("org.osgi.util.function", "1.2.0"),
    Wrapped("javax.annotation", "1.3.5", ("geronimo-annotation-1.3-spec.jar",), ("javax/annotation/",)),
    Wrapped("javax.inject", "1.0.0", ("atinject-jsr330-api.jar",), ("javax/inject/",)),
    Wrapped("org.apache.commons.jxpath", "1.3.0", ("commons-jxpath.jar",), (), (("DynamicImport-Package", "*"),)),
    Wrapped(
        "org.apache.batik.css",
        "1.18.0",
        ("batik-css.jar", "batik-util.jar", "batik-i18n.jar", "batik-constants.jar", "batik-shared-resources.jar"),
        (),
        (("Require-Bundle", "org.w3c.css.sac"), ("DynamicImport-Package", "*")),
    ),
)


def make(wanted: Wrapped, jars: Path, scratch: Path) -> Bundle:
    """Makes one in `scratch`."""
    files: dict[str, bytes] = {}
    for jar in wanted.jars:
        _take(jars / jar, wanted.folders, files)
    if not files:
        raise LookupError(f"{wanted.name}: {', '.join(wanted.jars)} have nothing of {', '.join(wanted.folders)}")
    exported = ",".join(f'{name};version="{wanted.version}"' for name in packages(files))
    headers = {
        "Bundle-ManifestVersion": "2",
        "Bundle-SymbolicName": wanted.name,
        "Bundle-Version": wanted.version,
        "Export-Package": exported,
        **dict(wanted.headers),
    }
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".jar", delete=False) as file:
        with zipfile.ZipFile(file, "w") as out:
            put(out, MANIFEST, manifest.write(headers))
            for name, data in files.items():
                put(out, name, data)
    return Bundle(Path(file.name), headers)


def _take(path: Path, folders: tuple[str, ...], files: dict[str, bytes]):
    """Takes the files below those folders, the first of a name."""
    with zipfile.ZipFile(path) as jar:
        for info in jar.infolist():
            name = info.filename
            unwanted = info.is_dir() or name.startswith("META-INF/") or name in files
            if not unwanted and (not folders or name.startswith(folders)):
                files[name] = jar.read(info)
