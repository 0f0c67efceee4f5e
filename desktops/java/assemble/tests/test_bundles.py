"""Manifests, versions, repairs, and whether bundles fit."""

import io
import tempfile
import unittest
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from assemble import __main__ as program
from assemble import check, layout, manifest, repairs, version
from assemble.jars import MANIFEST, Bundle
from assemble.tests.test_components import sample


def bundle(folder: Path, name: str, files: dict[str, bytes] | None = None, **headers: str) -> Bundle:
    """A bundle on disk; `_` in a header's name stands for `-`."""
    path = folder / f"{name}.jar"
    fixed = {"Bundle-SymbolicName": f"{name};singleton:=true", "Bundle-Version": "1.0.0"}
    fixed |= {key.replace("_", "-"): value for key, value in headers.items()}
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr(MANIFEST, manifest.write(fixed))
        for file, data in (files or {}).items():
            jar.writestr(file, data)
    found = Bundle.read(path)
    assert found is not None
    return found


class Manifests(unittest.TestCase):
    """Headers and their grammar."""

    def test_what_is_written_is_read(self):
        headers = {"Manifest-Version": "1.0", "A": "x" * 200, "B": "你好" * 60, "C": ""}
        data = manifest.write(headers)
        self.assertEqual(manifest.parse(data), headers)
        self.assertTrue(all(len(line) <= 70 for line in data.split(b"\r\n")))

    def test_clauses(self):
        one, two = manifest.clauses('a;b;version="[1,2)";resolution:=optional,c;x-friends:="d,e"')
        self.assertEqual((one.names, one.attributes, one.optional), (["a", "b"], {"version": "[1,2)"}, True))
        self.assertEqual((two.names, two.directives), (["c"], {"x-friends": "d,e"}))
        self.assertEqual(manifest.clauses(manifest.joined([one, two])), [one, two])
        self.assertEqual(manifest.clauses(""), [])

    def test_versions(self):
        cases = (("1.2.3", "[1,2)", True), ("2.0", "[1,2)", False), ("1.0", "(1.0,2]", False), ("2.0", "(1,2]", True),
                 ("1.5.0.x", "1.5", True), ("1.4", "1.5", False), ("0", "0", True))
        for have, wanted, met in cases:
            with self.subTest(have=have, wanted=wanted):
                self.assertEqual(version.within(version.parse(have), wanted), met)
        for bad in ("", "x", "1.2.3.4.5", "1..2", "[1,2)", "1" * 50, "１"):
            with self.subTest(bad=bad), self.assertRaises(version.BadVersion):
                version.parse(bad)


class InFolder(unittest.TestCase):
    """A folder for each test."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)


class Repairs(InFolder):
    """Each repair does its own, and nothing where there is nothing to do."""

    def test_a_sound_bundle_stays_as_it_is(self):
        sound = bundle(self.folder, "a", Require_Bundle='b;bundle-version="1"', Bundle_ClassPath=".")
        before = dict(sound.headers)
        self.assertEqual([repair(sound) for repair in repairs.ALL], [None] * len(repairs.ALL))
        self.assertEqual(sound.headers, before)

    def test_any_version_of_emf(self):
        it = bundle(self.folder, "a", Require_Bundle='org.eclipse.emf.ecore;bundle-version="2.35.0",b;bundle-version="1"')
        self.assertIsNotNone(repairs.versions(it))
        emf, other = it.header("Require-Bundle")
        self.assertEqual((emf.attributes, other.attributes), ({}, {"bundle-version": "1"}))

    def test_unneeded_is_optional(self):
        it = bundle(self.folder, "a", Import_Package="org.bouncycastle.openpgp,b")
        self.assertIsNotNone(repairs.optional(it))
        self.assertEqual([c.optional for c in it.header("Import-Package")], [True, False])

    def test_class_path_of_an_inner_jar(self):
        it = bundle(self.folder, "a", Bundle_ClassPath="inner.jar")
        self.assertIsNotNone(repairs.class_path(it))
        self.assertEqual(it.headers["Bundle-ClassPath"], ".")
        kept = bundle(self.folder, "b", {"inner.jar": b""}, Bundle_ClassPath="inner.jar")
        self.assertIsNone(repairs.class_path(kept))

    def test_missing_component_is_written_into_the_jar(self):
        files = {"org/test/Impl.class": sample().bytes()}
        it = bundle(self.folder, "a", files, Service_Component="OSGI-INF/org.test.Impl.xml")
        self.assertIsNotNone(repairs.described_components(it))
        out = self.folder / "out"
        out.mkdir()
        it.write(out)
        with zipfile.ZipFile(out / "a_1.0.0.jar") as jar:
            self.assertIn(b'class="org.test.Impl"', jar.read("OSGI-INF/org.test.Impl.xml"))

    def test_component_without_class_is_an_error(self):
        it = bundle(self.folder, "a", Service_Component="OSGI-INF/x.xml")
        with self.assertRaisesRegex(LookupError, "OSGI-INF/x.xml is missing"):
            repairs.described_components(it)

    def test_signatures_are_left_out(self):
        it = bundle(self.folder, "a", {"META-INF/X.SF": b"", "META-INF/X.RSA": b"", "kept": b"1"})
        out = self.folder / "out"
        out.mkdir()
        it.write(out)
        with zipfile.ZipFile(out / "a_1.0.0.jar") as jar:
            self.assertEqual(jar.namelist(), [MANIFEST, "kept"])


class Fits(InFolder):
    """The check of all bundles, and the program around it."""

    def test_what_is_missing_is_named(self):
        cases = (
            ({"Require_Bundle": "b"}, "a needs the bundle b 0, which is not there"),
            ({"Require_Bundle": 'c;bundle-version="[2,3)"'}, "a needs the bundle c [2,3), there is 1.0.0"),
            ({"Import_Package": "p"}, "a needs the package p 0, which is not there"),
            ({"Import_Package": 'q;version="2"'}, "a needs the package q 2, there is 1.5.0"),
        )
        other = bundle(self.folder, "c", Export_Package='q;r;version="1.5"')
        for headers, wanted in cases:
            with self.subTest(wanted=wanted):
                self.assertEqual(check.problems([bundle(self.folder, "a", **headers), other]), [wanted])

    def test_what_is_there_optional_or_the_jdks_is_no_problem(self):
        other = bundle(self.folder, "c", Export_Package='q;version="1.5"')
        it = bundle(self.folder, "a", Require_Bundle="c,x;resolution:=optional,org.eclipse.osgi",
                    Import_Package='q;version="[1,2)",javax.swing,org.osgi.framework;version="1.10"')
        self.assertEqual(check.problems([it, other]), [])

    def test_config_names_each_bundle(self):
        text = layout.config_ini([bundle(self.folder, "org.eclipse.core.runtime"), bundle(self.folder, "b")])
        self.assertTrue(text.startswith("osgi.bundles=reference\\:file\\:org.eclipse.core.runtime_1.0.0.jar@start,\\\n "))

    def test_wrong_use_and_missing_bundles(self):
        said = io.StringIO()
        with redirect_stderr(said), redirect_stdout(said):
            self.assertEqual(program.main([]), 2)
            self.assertEqual(program.main([str(self.folder), str(self.folder / "eclipse")]), 1)
        self.assertIn("which Debian package has it now?", said.getvalue())
        self.assertFalse((self.folder / "eclipse").exists())

    def test_no_bundles_are_passed_over(self):
        (self.folder / "broken.jar").write_bytes(b"PK no zip")
        with zipfile.ZipFile(self.folder / "plain.jar", "w") as jar:
            jar.writestr("x", b"")
        bundle(self.folder, "a")
        self.assertEqual([b.name for b in program.select(self.folder, ["a"])], ["a"])


if __name__ == "__main__":
    unittest.main()
