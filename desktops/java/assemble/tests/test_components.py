"""Class files and component descriptions."""

import random
import unittest
from xml.etree import ElementTree

from assemble import classfile, components
from assemble.tests.compiled import ClassWriter


def sample() -> ClassWriter:
    """A component with all that Eclipse's use."""
    writer = ClassWriter("org/test/Impl", "org/test/Base", ("org/test/Api",))
    writer.annotations.append(
        writer.annotation("Component", immediate=True, property=["rank:Integer=1", "of=a<b", "of=c"], scope=("enum", "SINGLETON"))
    )
    writer.member(writer.methods, "start", "()V", writer.annotation("Activate"))
    reference = writer.annotation("Reference", cardinality=("enum", "MULTIPLE"), policy=("enum", "DYNAMIC"), target="(a=\"b\")")
    writer.member(writer.methods, "addLog", "(Lorg/test/Log;)V", reference)
    writer.member(writer.methods, "removeLog", "(Lorg/test/Log;)V")
    writer.member(writer.fields, "prefs", "Lorg/test/Prefs;", writer.annotation("Reference"), access=0x40)
    return writer


def described(writer: ClassWriter, parents: dict[str, bytes] | None = None) -> ElementTree.Element:
    """The description, read as XML."""
    known = {name: classfile.parse(data) for name, data in (parents or {}).items()}
    found = components.describe(classfile.parse(writer.bytes()), known.get)
    assert found is not None
    return ElementTree.fromstring(found.xml.encode())


class Describes(unittest.TestCase):
    """What a component's description says."""

    def test_component(self):
        root = described(sample())
        self.assertEqual(root.get("name"), "org.test.Impl")
        self.assertEqual((root.get("immediate"), root.get("activate")), ("true", "start"))
        self.assertEqual([e.get("interface") for e in root.iter("provide")], ["org.test.Api"])
        self.assertEqual(root.find("service").get("scope"), "singleton")
        self.assertEqual(root.find("implementation").get("class"), "org.test.Impl")

    def test_properties(self):
        one, many = described(sample()).findall("property")
        self.assertEqual((one.get("name"), one.get("type"), one.get("value")), ("rank", "Integer", "1"))
        self.assertEqual(many.text.split("\n"), ["a<b", "c"])

    def test_references(self):
        log, prefs = described(sample()).findall("reference")
        wanted = {"name": "Log", "interface": "org.test.Log", "cardinality": "0..n", "policy": "dynamic", "bind": "addLog",
                  "unbind": "removeLog", "target": '(a="b")'}
        self.assertEqual(log.attrib, wanted)
        self.assertEqual((prefs.get("field"), prefs.get("policy"), prefs.get("cardinality")), ("prefs", "dynamic", "1..1"))

    def test_inherited_references(self):
        base = ClassWriter("org/test/Base")
        base.member(base.methods, "setDisk", "(Lorg/test/Disk;)V", base.annotation("Reference"))
        root = described(sample(), {"org/test/Base": base.bytes()})
        self.assertIn("org.test.Disk", [e.get("interface") for e in root.findall("reference")])

    def test_a_parent_of_itself_ends(self):
        writer = ClassWriter("A", "A")
        writer.annotations.append(writer.annotation("Component"))
        self.assertIsNotNone(described(writer, {"A": writer.bytes()}))

    def test_named_services_and_none(self):
        for services, wanted in (([("class", "Lorg/test/Other;")], ["org.test.Other"]), ([], [])):
            with self.subTest(services=services):
                writer = ClassWriter("A", interfaces=("org/test/Api",))
                writer.annotations.append(writer.annotation("Component", service=services))
                self.assertEqual([e.get("interface") for e in described(writer).iter("provide")], wanted)

    def test_other_classes_are_no_components(self):
        self.assertIsNone(components.describe(classfile.parse(ClassWriter("A").bytes()), {}.get))


class BadClasses(unittest.TestCase):
    """Damaged class files are said to be so."""

    def test_cut_short(self):
        data = sample().bytes()
        for length in range(len(data)):
            with self.subTest(length=length), self.assertRaises(classfile.BadClass):
                classfile.parse(data[:length])

    def test_damaged(self):
        data, chance = sample().bytes(), random.Random(1)
        for _ in range(3000):
            bad = bytearray(data)
            for _ in range(chance.randint(1, 8)):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            try:
                classfile.parse(bytes(bad))
            except classfile.BadClass:
                pass

    def test_annotations_without_end(self):
        writer = ClassWriter("A")
        deep: object = "x"
        for _ in range(40):
            deep = [deep]
        writer.annotations.append(writer.annotation("Component", property=deep))
        with self.assertRaisesRegex(classfile.BadClass, "without end"):
            classfile.parse(writer.bytes())


if __name__ == "__main__":
    unittest.main()
