"""Jar files: bundles read from Debian's folder, and written anew."""

import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Callable, Iterator

from . import classfile, components, manifest, version
from .manifest import Clause

MANIFEST = "META-INF/MANIFEST.MF"
SIGNATURES = (".SF", ".RSA", ".DSA", ".EC")
# A fixed time, so that the same packages make the same bytes.
TIME = (2024, 1, 1, 0, 0, 0)


@dataclass
class Bundle:
    """A bundle on its way into Eclipse: where its files come from, its headers, and files to add."""

    source: Path
    headers: dict[str, str]
    added: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Bundle | None":
        """The jar at `path`, or None where it is no bundle."""
        try:
            with zipfile.ZipFile(path) as jar:
                headers = manifest.parse(jar.read(MANIFEST))
        except (zipfile.BadZipFile, KeyError):
            return None
        return cls(path, headers) if headers.get("Bundle-SymbolicName") else None

    @property
    def name(self) -> str:
        return manifest.clauses(self.headers["Bundle-SymbolicName"])[0].names[0]

    @property
    def version(self) -> version.Version:
        return version.parse(self.headers.get("Bundle-Version", "0"))

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.headers.get('Bundle-Version', '0')}.jar"

    @cached_property
    def names(self) -> frozenset[str]:
        """The files in it."""
        with zipfile.ZipFile(self.source) as jar:
            return frozenset(jar.namelist())

    def header(self, name: str) -> list[Clause]:
        return manifest.clauses(self.headers.get(name, ""))

    def write(self, folder: Path):
        """Writes it, its manifest first, without the packager's signatures."""
        with zipfile.ZipFile(self.source) as jar, zipfile.ZipFile(folder / self.file_name, "w") as out:
            put(out, MANIFEST, manifest.write(self.headers))
            for info in jar.infolist():
                name = info.filename
                if not info.is_dir() and name.upper() != MANIFEST and not name.upper().endswith(SIGNATURES):
                    put(out, name, jar.read(info))
            for name, data in self.added.items():
                put(out, name, data)

    def components(self) -> Iterator[components.Component]:
        """The components among its classes."""
        with zipfile.ZipFile(self.source) as jar:
            for name in sorted(self.names):
                data = jar.read(name) if name.endswith(".class") else b""
                found = components.describe(classfile.parse(data), _classes(jar)) if components.MARK in data else None
                if found:
                    yield found


def _classes(jar: zipfile.ZipFile) -> Callable[[str], classfile.ClassFile | None]:
    names = frozenset(jar.namelist())
    return lambda name: classfile.parse(jar.read(f"{name}.class")) if f"{name}.class" in names else None


def packages(names) -> list[str]:
    """The Java packages of the class files among `names`."""
    return sorted({name.rpartition("/")[0].replace("/", ".") for name in names if name.endswith(".class") and "/" in name})


def put(out: zipfile.ZipFile, name: str, data: bytes):
    """Adds a file, with nothing in it of the time and place of the build."""
    out.writestr(zipfile.ZipInfo(name, TIME), data, zipfile.ZIP_DEFLATED)
