"""The little of .NET that samples/export uses, for powershell_run: values, methods, conversions."""

import hashlib
import os
import re
import xml.dom.minidom


class Table(dict):
    """A hash table or a dictionary: keys without case, in the order they came; absent is None."""

    def __init__(self, rows=(), **more):
        super().__init__()
        self.spelling = {}
        for key, value in {**dict(rows), **more}.items():
            self[key] = value

    def __getitem__(self, key):
        return self.get(self.spelling.get(str(key).lower()))

    def __setitem__(self, key, value):
        super().__setitem__(self.spelling.setdefault(str(key).lower(), key), value)


class Names(set):
    """A HashSet of texts without case."""

    def add(self, name):
        super().add(name.lower())

    def contains(self, name):
        return name.lower() in self


class Kind:
    """[System.IO.File]"""

    def __init__(self, name):
        self.name = name.lower()


class Builder:
    def __init__(self):
        self.parts = []

    def append(self, text):
        self.parts.append(text)
        return self

    def tostring(self):
        return "".join(self.parts)


class Stream:
    def __init__(self, file):
        self.file = file

    @property
    def Position(self):
        self.file.flush()
        return os.path.getsize(self.file.name)


class Writer:
    """A StreamWriter of UTF-8."""

    def __init__(self, path, _append, _encoding):
        self.file = open(path, "w", encoding="utf-8", newline="")
        self.BaseStream = Stream(self.file)

    def write(self, text):
        self.file.write(text)

    def dispose(self):
        self.file.close()


class Hasher:
    def computehash(self, data):
        return list(hashlib.sha256(bytes(data)).digest())


class Random:
    def getbytes(self, data):
        data[:] = os.urandom(len(data))

    def dispose(self):
        pass


class Element:
    def __init__(self, node):
        self.node = node

    @property
    def NamespaceURI(self):
        return self.node.namespaceURI

    @property
    def OuterXml(self):
        return self.node.toxml()

    def clonenode(self, deep):
        return Element(self.node.cloneNode(deep))

    def appendchild(self, new):
        return Element(self.node.appendChild(new.node))

    def removechild(self, old):
        return Element(self.node.removeChild(old.node))

    def selectnodes(self, path):
        """Paths of local names only."""
        steps, found = re.findall(r"local-name\(\)='(\w+)'", path), [self.node]
        if path.startswith("//"):
            name = steps.pop(0)
            found = [node for node in self.node.getElementsByTagName("*") if node.localName == name]
        for step in steps:
            found = [node for parent in found for node in parent.childNodes
                     if node.localName == step]
        return [Element(node) for node in found]


class Document(Element):
    def __init__(self):
        super().__init__(None)
        self.XmlResolver = "the network"

    def loadxml(self, text):
        assert self.XmlResolver is None, "a document with a resolver"
        self.node = xml.dom.minidom.parseString(text)

    def createelement(self, name, space):
        return Element(self.node.createElementNS(space, name))

    @property
    def DocumentElement(self):
        return Element(self.node.documentElement)


# Static methods and constructors.
STATIC = {
    ("system.text.stringbuilder", "new"): Builder,
    ("system.io.streamwriter", "new"): Writer,
    ("system.text.utf8encoding", "new"): lambda has_mark: has_mark,
    ("system.collections.generic.list", "new"): list,
    ("system.collections.generic.hashset", "new"): lambda _: Names(),
    ("system.collections.generic.dictionary", "new"): lambda _: Table(),
    ("byte", "new"): lambda size: [0] * size,
    ("system.xml.xmldocument", "new"): Document,
    ("system.security.cryptography.sha256", "create"): Hasher,
    ("system.security.cryptography.randomnumbergenerator", "create"): Random,
    ("system.io.directory", "createdirectory"): lambda path: os.makedirs(path, exist_ok=True),
    ("system.io.directory", "getfiles"): lambda path: [
        os.path.join(path, name) for name in sorted(os.listdir(path))],
    ("system.io.path", "combine"): os.path.join,
    ("system.io.file", "move"): os.rename,
    ("system.io.file", "delete"): os.unlink,
    ("system.array", "sort"): lambda items: items.sort(),
    ("system.convert", "tostring"): lambda value, _: str(value),
    ("system.bitconverter", "tostring"): lambda data, at, size: "-".join(
        "%02X" % byte for byte in data[at:at + size]),
}
# Methods of what is a plain value here, by its class and the method's name.
METHODS = {
    ("bool", "tostring"): str,
    ("datetime", "touniversaltime"): lambda time: time,
    ("datetime", "tostring"): lambda time, _form, _culture: time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ("str", "tolowerinvariant"): str.lower,
    ("str", "toupperinvariant"): str.upper,
    ("str", "replace"): str.replace,
    ("str", "split"): str.split,
    ("str", "substring"): lambda text, at: text[at:],
    ("str", "lastindexof"): lambda text, part, _how: text.rfind(part),
    ("str", "getbytes"): lambda _encoding, text: list(text.encode()),
    ("str", "getunresolvedproviderpathfrompspath"): lambda _, path: os.path.abspath(path),
    ("list", "add"): list.append,
}


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(text_of(item) for item in value)
    return str(value)


def is_true(value):
    if isinstance(value, list):
        return is_true(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def list_of(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def equal(left, right):
    if left is None or right is None:
        return left is right
    if isinstance(left, str) or isinstance(right, str):
        return text_of(left).lower() == text_of(right).lower()
    return left == right


def contains(left, right):
    return any(equal(item, right) for item in list_of(left))


def add(left, right):
    return left + list_of(right) if isinstance(left, list) else left + right


def formatted(pattern, values):
    """{0}, {0,10}, {0:x4}"""
    def put(found):
        value, width = list_of(values)[int(found[1])], int(found[2] or 0)
        text = "%0*x" % (int(found[3][1:]), value) if found[3] else text_of(value)
        return text.ljust(-width) if width < 0 else text.rjust(width)
    return re.sub(r"\{(\d+)(?:,(-?\d+))?(?::(x\d+))?\}", put, pattern)


IS = {
    "bool": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "datetime": lambda value: type(value).__name__ == "datetime",
    "system.collections.idictionary": lambda value: isinstance(value, dict),
    "system.collections.ienumerable": lambda value: isinstance(value, list),
    "system.valuetype": lambda value: isinstance(value, (int, float)),
    "char": lambda value: False,
    "enum": lambda value: False,
}
OPERATORS = {
    "-eq": equal,
    "-ne": lambda left, right: not equal(left, right),
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
    "-lt": lambda left, right: left < right,
    "-match": lambda left, right: bool(re.search(right, left, re.I)),
    "-contains": contains,
    "-notcontains": lambda left, right: not contains(left, right),
    "-join": lambda left, right: right.join(text_of(item) for item in list_of(left)),
    "-is": lambda left, right: IS[right.name](left),
    "-isnot": lambda left, right: not IS[right.name](left),
    "-f": formatted,
    "+": add,
    "-": lambda left, right: left - right,
}
CASTS = {
    "void": lambda value: None,
    "ordered": lambda value: value,
    "string": text_of,
    "int": lambda value: ord(value) if isinstance(value, str) else int(value),
    "long": lambda value: [int(item or 0) for item in value],
    "byte": lambda value: value,
}


def member(holder, name):
    """A property, not a method."""
    if isinstance(holder, Kind):
        return "%s::%s" % (holder.name, name)
    if isinstance(holder, dict):
        is_keys = name.lower() == "keys" and "keys" not in holder.spelling
        return list(holder) if is_keys else holder[name]
    if name in ("Count", "Length"):
        return len(holder)
    return getattr(holder, name)
