"""Component descriptions (OSGI-INF/NAME.xml) from the annotations in classes.

Eclipse's own build writes these files from `@Component`, `@Reference` and so on, for the declarative services runtime to read at
start. Debian's build does not run that step, so its manifests name files that are not there.
"""

import re
from dataclasses import dataclass, field
from typing import Callable, Iterator
from xml.sax.saxutils import escape, quoteattr

from .classfile import Annotation, ClassFile, Member

PACKAGE = "Lorg/osgi/service/component/annotations/"
# Bytes that every class with a component has, so that the others need not be read.
MARK = b"component/annotations/Component;"
CARDINALITY = {"OPTIONAL": "0..1", "MANDATORY": "1..1", "MULTIPLE": "0..n", "AT_LEAST_ONE": "1..n"}
UNDO = {"bind": "unbind", "set": "unset", "add": "remove"}
LIFECYCLE = {"Activate": "activate", "Deactivate": "deactivate", "Modified": "modified"}
VOLATILE = 0x0040
# Parents of a class that are looked at.
PARENTS = 32


@dataclass
class Component:
    """A component: what the file is called after, and its text."""

    name: str
    class_name: str
    xml: str


@dataclass
class _Found:
    """What the members of a class and its parents say."""

    references: dict[str, str] = field(default_factory=dict)
    lifecycle: dict[str, str] = field(default_factory=dict)


def describe(source: ClassFile, parent: Callable[[str], ClassFile | None]) -> Component | None:
    """The component that a class is, if any. `parent` gives other classes of the bundle, for what is inherited."""
    annotation = next((a for a in source.annotations if a.type == PACKAGE + "Component;"), None)
    if annotation is None:
        return None
    class_name = source.name.replace("/", ".")
    name = annotation.values.get("name", class_name)
    found = _Found()
    for each in _line(source, parent):
        _members(each, found)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    attributes = _attributes({"name": name, **_component_attributes(annotation.values), **found.lifecycle})
    lines.append(f'<scr:component xmlns:scr="http://www.osgi.org/xmlns/scr/v1.3.0"{attributes}>')
    lines += _properties(annotation.values.get("property", []))
    lines += _service(annotation.values, source)
    lines += found.references.values()
    lines += [f"<implementation{_attributes({'class': class_name})}/>", "</scr:component>", ""]
    return Component(name, class_name, "\n".join(lines))


def _line(source: ClassFile, parent: Callable[[str], ClassFile | None]) -> Iterator[ClassFile]:
    """The class, then its parents as far as they are in the bundle."""
    each: ClassFile | None = source
    for _ in range(PARENTS):
        if each is None:
            return
        yield each
        each = parent(each.superclass) if each.superclass else None


def _members(source: ClassFile, found: _Found):
    for method in source.methods:
        for annotation in method.annotations:
            kind = annotation.type.removeprefix(PACKAGE).rstrip(";")
            if kind in LIFECYCLE and annotation.type.startswith(PACKAGE):
                found.lifecycle.setdefault(LIFECYCLE[kind], method.name)
            elif annotation.type == PACKAGE + "Reference;":
                found.references.setdefault(method.name, _method_reference(source, method, annotation.values))
    for each in source.fields:
        for annotation in each.annotations:
            if annotation.type == PACKAGE + "Reference;":
                found.references.setdefault(each.name, _field_reference(each, annotation.values))


def _method_reference(source: ClassFile, method: Member, values: dict) -> str:
    prefix = re.match(r"bind|set|add", method.name)
    base = method.name[prefix.end() :] if prefix else method.name
    undo = UNDO[prefix[0]] + base if prefix else "un" + base
    if undo not in {each.name for each in source.methods}:
        undo = None
    unbind = values.get("unbind") or undo
    argument = re.match(r"\((L[^;]+;)", method.descriptor)
    return _reference(values, {
        "name": values.get("name", base),
        "interface": _dotted(values.get("service") or (argument[1] if argument else "")),
        "cardinality": CARDINALITY[values.get("cardinality", "MANDATORY")],
        "policy": values.get("policy", "STATIC").lower(),
        "bind": method.name,
        "unbind": None if unbind == "-" else unbind,
    })


def _field_reference(member: Member, values: dict) -> str:
    return _reference(values, {
        "name": values.get("name", member.name),
        "interface": _dotted(values.get("service") or member.descriptor),
        "cardinality": CARDINALITY[values.get("cardinality", "MANDATORY")],
        "policy": values.get("policy", "DYNAMIC" if member.access & VOLATILE else "STATIC").lower(),
        "field": member.name,
    })


def _reference(values: dict, attributes: dict) -> str:
    option = values.get("policyOption", "").lower() or None
    return f"<reference{_attributes({**attributes, 'target': values.get('target'), 'policy-option': option})}/>"


def _component_attributes(values: dict) -> dict:
    pid, policy = values.get("configurationPid"), values.get("configurationPolicy")
    return {
        "immediate": _truth(values.get("immediate")),
        "enabled": _truth(values.get("enabled")),
        "factory": values.get("factory"),
        "configuration-pid": " ".join(pid) if pid else None,
        "configuration-policy": policy.lower() if policy else None,
    }


def _service(values: dict, source: ClassFile) -> list[str]:
    """What it is registered as: the services named, or else the interfaces the class names itself."""
    named = values.get("service")
    services = [_dotted(each) for each in named] if named is not None else [i.replace("/", ".") for i in source.interfaces]
    services = [each for each in services if each not in ("V", "void")]
    if not services:
        return []
    scope = values.get("scope", "DEFAULT").lower()
    provides = [f"<provide{_attributes({'interface': each})}/>" for each in services]
    return [f"<service{_attributes({'scope': None if scope == 'default' else scope})}>", *provides, "</service>"]


def _properties(written: list[str]) -> list[str]:
    """`name:Type=value`, several of a name being one property with several values."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for text in written:
        key, _, value = text.partition("=")
        name, _, kind = key.partition(":")
        grouped.setdefault((name, kind or "String"), []).append(value)
    lines = []
    for (name, kind), values in grouped.items():
        if len(values) == 1:
            lines.append(f"<property{_attributes({'name': name, 'type': kind, 'value': values[0]})}/>")
        else:
            body = "\n".join(escape(value) for value in values)
            lines.append(f"<property{_attributes({'name': name, 'type': kind})}>{body}</property>")
    return lines


def _attributes(values: dict) -> str:
    return "".join(f" {key}={quoteattr(value)}" for key, value in values.items() if value is not None)


def _truth(value) -> str | None:
    return None if value is None else "true" if value else "false"


def _dotted(descriptor: str) -> str:
    inner = descriptor[1:-1] if descriptor.startswith("L") and descriptor.endswith(";") else descriptor
    return inner.replace("/", ".")
