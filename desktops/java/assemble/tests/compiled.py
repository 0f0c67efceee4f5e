"""A class file writer, as small as the tests need: constants are added while it is written."""

import struct

ANNOTATION = "Lorg/osgi/service/component/annotations/%s;"


class ClassWriter:
    """Collects constants and members of one class."""

    def __init__(self, name: str, parent: str = "java/lang/Object", interfaces: tuple[str, ...] = ()):
        self.pool: list[bytes] = []
        self.head = struct.pack(">HHH", 0x21, self.type(name), self.type(parent))
        self.head += struct.pack(">H", len(interfaces)) + b"".join(struct.pack(">H", self.type(i)) for i in interfaces)
        self.fields: list[bytes] = []
        self.methods: list[bytes] = []
        self.annotations: list[bytes] = []

    def constant(self, data: bytes) -> int:
        if data not in self.pool:
            self.pool.append(data)
        return self.pool.index(data) + 1

    def text(self, value: str) -> int:
        encoded = value.encode()
        return self.constant(b"\x01" + struct.pack(">H", len(encoded)) + encoded)

    def type(self, name: str) -> int:
        return self.constant(b"\x07" + struct.pack(">H", self.text(name)))

    def value(self, value) -> bytes:
        """An element: bool, str, ("enum", NAME), ("class", DESCRIPTOR) or a list of them."""
        if isinstance(value, bool):
            return b"Z" + struct.pack(">H", self.constant(b"\x03" + struct.pack(">i", value)))
        if isinstance(value, str):
            return b"s" + struct.pack(">H", self.text(value))
        if isinstance(value, list):
            return b"[" + struct.pack(">H", len(value)) + b"".join(self.value(each) for each in value)
        kind, name = value
        if kind == "enum":
            return b"e" + struct.pack(">HH", self.text("LEnum;"), self.text(name))
        return b"c" + struct.pack(">H", self.text(name))

    def annotation(self, kind: str, **values) -> bytes:
        pairs = b"".join(struct.pack(">H", self.text(key)) + self.value(each) for key, each in values.items())
        return struct.pack(">HH", self.text(ANNOTATION % kind), len(values)) + pairs

    def attributes(self, annotations: list[bytes]) -> bytes:
        if not annotations:
            return struct.pack(">H", 0)
        body = struct.pack(">H", len(annotations)) + b"".join(annotations)
        return struct.pack(">HHI", 1, self.text("RuntimeInvisibleAnnotations"), len(body)) + body

    def member(self, into: list[bytes], name: str, descriptor: str, *annotations: bytes, access: int = 1):
        head = struct.pack(">HHH", access, self.text(name), self.text(descriptor))
        into.append(head + self.attributes(list(annotations)))

    def bytes(self) -> bytes:
        tail = b"".join(struct.pack(">H", len(each)) + b"".join(each) for each in (self.fields, self.methods))
        tail += self.attributes(self.annotations)
        pool = struct.pack(">H", len(self.pool) + 1) + b"".join(self.pool)
        return struct.pack(">IHH", 0xCAFEBABE, 0, 61) + pool + self.head + tail
