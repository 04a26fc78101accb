"""The folder hash once more, written from its description (configmgr-facts 5.4) and nothing else:
what the program's is held against."""

import hashlib
import os


def simple(character, mapped):
    """Windows' mappings take one unit to one unit."""
    return mapped if len(mapped) == 1 and ord(character) < 0x10000 and ord(mapped) < 0x10000 \
        else character


def upcased(name):
    """The order in which NTFS lists names."""
    return "".join(simple(c, c.upper()) for c in name).encode("utf-16-be")


def lowered(path):
    return "".join(simple(c, c.lower()) for c in path).encode("utf-16-le")


def folder_hash(files, folders=()):
    """`files`: relative name with '/' to the bytes, or to 64 hex digits as text."""
    everything = {}
    for name, data in files.items():
        *parents, leaf = name.split("/")
        here = everything
        for parent in parents:
            here = here.setdefault(parent, {})
        here[leaf] = data if isinstance(data, str) else hashlib.sha256(data).hexdigest()
    for name in folders:
        here = everything
        for part in name.split("/"):
            here = here.setdefault(part, {})
    digest, stack = hashlib.sha256(), [("", everything)]
    while stack:
        path, here = stack.pop()
        names = sorted(here, key=upcased)
        below = [name for name in names if isinstance(here[name], dict)]
        plain = [name for name in names if not isinstance(here[name], dict)]
        for name in below:
            digest.update(lowered(path + name))
        stack += [(path + name + "\\", here[name]) for name in reversed(below)]
        for name in plain:
            digest.update(lowered(path + name))
        for name in plain:
            digest.update(here[name].upper().encode("utf-16-le"))
    return digest.hexdigest().upper()


def folder_hash_of(root):
    """Of a folder on disk; what nearpoint keeps for itself in it does not count."""
    files, folders = {}, []
    for path, below, names in os.walk(root):
        here = os.path.relpath(path, root)
        here = "" if here == "." else here + "/"
        if not here and ".nearpoint" in below:
            below.remove(".nearpoint")
        folders += [here + name for name in below]
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                files[here + name] = hashlib.sha256(file.read()).hexdigest()
    return folder_hash(files, folders)
