"""A content library as a Windows distribution point has it (SCCMContentLib), made and read from its
description (configmgr-facts 5.3, 5.4) and nothing else: what the program's is held against."""

import hashlib
import os
import re

from folder_hash import folder_hash, simple

FILETIME_1970 = 116444736000000000


def ini(sections, utf16=False, crlf=True):
    """`sections`: name to a list of (key, value)."""
    end = "\r\n" if crlf else "\n"
    text = "".join("[%s]%s%s" % (name, end, "".join("%s=%s%s" % (*row, end) for row in rows))
                   for name, rows in sections.items())
    return b"\xff\xfe" + text.encode("utf-16-le") if utf16 else text.encode()


def read_ini(path):
    with open(path, "rb") as file:
        data = file.read()
    text = data[2:].decode("utf-16-le") if data[:2] == b"\xff\xfe" else data.decode()
    sections, here = {}, None
    for line in text.splitlines():
        if re.fullmatch(r"\[[^\[\]]+\]", line):
            here = sections.setdefault(line[1:-1], {})
        elif line:
            key, equals, value = line.partition("=")
            assert equals and here is not None, "no INI: %s: %r" % (path, line)
            here[key] = value
    return sections


class Library:
    """A folder that becomes a library. `mixed_case`: names as several tools have left them."""

    def __init__(self, folder, utf16=False, crlf=True, mixed_case=False):
        self.folder, self.utf16, self.crlf, self.mixed = folder, utf16, crlf, mixed_case
        for room in ("PkgLib", "DataLib", "FileLib"):
            os.makedirs(self.path(room), exist_ok=True)

    def case(self, name):
        """Another case for each name, the same each time."""
        if not self.mixed:
            return name
        odd = hashlib.md5(name.lower().encode()).digest()[0] & 1
        return name.lower() if odd else "".join(simple(c, c.swapcase()) for c in name)

    def path(self, *names):
        return os.path.join(self.folder, *[self.case(part) for name in names
                                           for part in name.split("/")])

    def write(self, path, data):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def write_ini(self, path, sections):
        self.write(path, ini(sections, self.utf16, self.crlf))

    def file_path(self, data):
        digest = hashlib.sha256(data).hexdigest().upper()
        return self.path("FileLib", digest[:4], digest)

    def add(self, content_id, version, files, folders=(), package_id=None):
        """`files`: relative name with '/' to its bytes."""
        name = "%s.%d" % (content_id, version)
        for file, data in files.items():
            digest = hashlib.sha256(data).hexdigest().upper()
            self.write(self.file_path(data), data)
            self.write_ini(self.path("FileLib", digest[:4], digest + ".INI"), {name: []})
            self.write_ini(self.path("DataLib", name, file + ".INI"), {"File": [
                ("Hash", digest), ("Size", len(data)),
                ("TimeModified", FILETIME_1970 + 10 ** 16), ("Attributes", "20")]})
        for folder in [*folders, "."]:
            os.makedirs(os.path.normpath(self.path("DataLib", name, folder)), exist_ok=True)
        self.write_ini(self.path("DataLib", name + ".INI"),
                       {"Info": [("Hash", folder_hash(files, folders))]})
        package = self.path("PkgLib", (package_id or content_id) + ".INI")
        rows = list(read_ini(package).get("Packages", {}).items()) if os.path.exists(package) \
            else []
        self.write_ini(package, {"Packages": [*rows, (name, "")]})
        return self


def read_library(folder):
    """Content ID and version to name to bytes; whatever is odd about it is refused."""
    contents, packages, used = {}, set(), set()
    assert set(os.listdir(folder)) == {"PkgLib", "DataLib", "FileLib"}, os.listdir(folder)
    for name in os.listdir(os.path.join(folder, "PkgLib")):
        assert name.endswith(".INI"), name
        packages |= set(read_ini(os.path.join(folder, "PkgLib", name))["Packages"])
    data = os.path.join(folder, "DataLib")
    trees = {name for name in os.listdir(data) if os.path.isdir(os.path.join(data, name))}
    inis = {name[:-4] for name in os.listdir(data) if name not in trees}
    assert trees == inis == packages, (trees, inis, packages)
    for name in trees:
        content_id, _, version = name.rpartition(".")
        files, folders = {}, []
        for where, below, names in os.walk(os.path.join(data, name)):
            here = os.path.relpath(where, os.path.join(data, name))
            here = "" if here == "." else here + "/"
            folders += [here + folder_name for folder_name in below]
            for file in names:
                assert file.endswith(".INI"), file
                files[here + file[:-4]] = read_file(folder, read_ini(os.path.join(where, file)),
                                                    used)
        told = read_ini(os.path.join(data, name + ".INI"))["Info"]["Hash"]
        assert told == folder_hash(files, folders), name
        contents[content_id, int(version)] = files
    return contents, used


def read_file(folder, sections, used):
    row = sections["File"]
    assert set(row) == {"Hash", "Size", "TimeModified", "Attributes"}, row
    assert re.fullmatch("[0-9A-F]{64}", row["Hash"]), row
    assert int(row["TimeModified"]) > FILETIME_1970 and int(row["Attributes"], 16) >= 0, row
    path = os.path.join(folder, "FileLib", row["Hash"][:4], row["Hash"])
    assert os.path.isfile(path) and not os.path.islink(path), path
    read_ini(path + ".INI")
    with open(path, "rb") as file:
        data = file.read()
    assert (hashlib.sha256(data).hexdigest().upper(), len(data)) == (row["Hash"], int(row["Size"]))
    used.add(row["Hash"])
    return data
