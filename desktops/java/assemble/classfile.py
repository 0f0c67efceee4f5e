"""The annotations in a Java class file (JVM specification, chapter 4): the little that `components` needs."""

import struct
from dataclasses import dataclass, field

ANNOTATIONS = ("RuntimeInvisibleAnnotations", "RuntimeVisibleAnnotations")
# Annotations within annotations; real ones have two levels.
DEPTH = 16
# Constants by tag: what follows, and how many places of the pool it takes.
CONSTANTS = {
    3: (">i", 1), 4: (">i", 1), 5: (">q", 2), 6: (">q", 2), 7: (">H", 1), 8: (">H", 1), 9: (">HH", 1), 10: (">HH", 1),
    11: (">HH", 1), 12: (">HH", 1), 15: (">BH", 1), 16: (">H", 1), 17: (">HH", 1), 18: (">HH", 1), 19: (">H", 1),
    20: (">H", 1),
}
UTF8 = 1


class BadClass(ValueError):
    """Bytes that are no class file, or one cut short."""


@dataclass
class Annotation:
    """An annotation: the type's descriptor and the elements that are written out."""

    type: str
    values: dict


@dataclass
class Member:
    """A field or method."""

    access: int
    name: str
    descriptor: str
    annotations: list[Annotation]


@dataclass
class ClassFile:
    """A class, names with slashes."""

    name: str
    superclass: str | None
    interfaces: list[str]
    fields: list[Member] = field(default_factory=list)
    methods: list[Member] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)


def parse(data: bytes) -> ClassFile:
    """Reads one class file."""
    reader = _Reader(data)
    if reader.u4() != 0xCAFEBABE:
        raise BadClass("no class file")
    reader.skip(4)
    reader.read_constants()
    reader.skip(2)
    name, parent = reader.class_name(), reader.class_name()
    if name is None:
        raise BadClass("a class without a name")
    interfaces = [reader.class_name() or "" for _ in range(reader.u2())]
    return ClassFile(name, parent, interfaces, reader.members(), reader.members(), reader.annotations())


class _Reader:
    def __init__(self, data: bytes):
        self.data = data
        self.at = 0
        self.constants: list = []

    def skip(self, count: int):
        if self.at + count > len(self.data):
            raise BadClass(f"cut short at byte {self.at}")
        self.at += count

    def unpack(self, form: str) -> tuple:
        start = self.at
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self.data, start)

    def u1(self) -> int:
        return self.unpack(">B")[0]

    def u2(self) -> int:
        return self.unpack(">H")[0]

    def u4(self) -> int:
        return self.unpack(">I")[0]

    def read_constants(self):
        count = self.u2()
        self.constants = [None]
        while len(self.constants) < count:
            tag = self.u1()
            if tag == UTF8:
                length = self.u2()
                self.skip(length)
                self.constants.append(self.data[self.at - length : self.at].decode("utf-8", "replace"))
            elif tag in CONSTANTS:
                form, places = CONSTANTS[tag]
                self.constants += [self.unpack(form)] + [None] * (places - 1)
            else:
                raise BadClass(f"constant of unknown kind {tag}")

    def constant(self, index: int):
        if not 0 < index < len(self.constants):
            raise BadClass(f"there is no constant {index}")
        return self.constants[index]

    def text(self, index: int) -> str:
        value = self.constant(index)
        if not isinstance(value, str):
            raise BadClass(f"constant {index} is no text")
        return value

    def number(self) -> int:
        value = self.constant(self.u2())
        if not isinstance(value, tuple):
            raise BadClass("an annotation's number is none")
        return value[0]

    def class_name(self) -> str | None:
        index = self.u2()
        if index == 0:
            return None
        value = self.constant(index)
        if not isinstance(value, tuple):
            raise BadClass(f"constant {index} is no class")
        return self.text(value[0])

    def members(self) -> list[Member]:
        return [self.member() for _ in range(self.u2())]

    def member(self) -> Member:
        access, name, descriptor = self.u2(), self.text(self.u2()), self.text(self.u2())
        return Member(access, name, descriptor, self.annotations())

    def annotations(self) -> list[Annotation]:
        """The annotations among the attributes that follow, which are all read over."""
        found = []
        for _ in range(self.u2()):
            name, length = self.text(self.u2()), self.u4()
            end = self.at + length
            if name in ANNOTATIONS:
                found += [self.annotation(0) for _ in range(self.u2())]
                if self.at != end:
                    raise BadClass(f"{name} does not end where it says")
            else:
                self.skip(length)
        return found

    def annotation(self, depth: int) -> Annotation:
        kind = self.text(self.u2())
        return Annotation(kind, {self.text(self.u2()): self.element(depth + 1) for _ in range(self.u2())})

    def element(self, depth: int):
        if depth > DEPTH:
            raise BadClass("annotations within annotations without end")
        tag = chr(self.u1())
        if tag in "BCDFIJSZ":
            return self.number()
        if tag in "sc":
            return self.text(self.u2())
        if tag == "e":
            self.skip(2)
            return self.text(self.u2())
        if tag == "@":
            return self.annotation(depth)
        if tag == "[":
            return [self.element(depth + 1) for _ in range(self.u2())]
        raise BadClass(f"element of unknown kind {tag!r}")
