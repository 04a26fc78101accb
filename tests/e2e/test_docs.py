"""The docs say what is: limits, options, settings and commands are held to the source."""

import os
import re
import subprocess

from harness import ROOT, program


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def limits_of_source():
    units = {"KIB": 1024, "MIB": 1024 * 1024}
    rows = re.findall(r"(?m)^#define (LIMIT_\w+)\s+(\(?[\w *]+\)?)", read("policy/base/limits.h"))
    values = {}
    for name, value in rows:
        product = 1
        for factor in value.strip("() ").split("*"):
            factor = factor.strip()
            product *= units[factor] if factor in units else int(factor.rstrip("L"))
        values[name] = product
    return values


def limits_of_manual():
    units = {"": 1, "KiB": 1024, "MiB": 1024 * 1024}
    rows = re.findall(r"(?m)^\.It (LIMIT_\w+) Ta (\d+) ?(\w*) Ta ", read("man/nearpoint.1"))
    return {name: int(number) * units[unit] for name, number, unit in rows}


def test_limits(_scene):
    """nearpoint(1) has every limit of limits.h with its value, and no other."""
    source = limits_of_source()
    assert len(source) > 15
    assert limits_of_manual() == source


def test_options(_scene):
    """Every option that --help names stands in nearpoint(1), and the reverse."""
    options = set()
    for command in ("policy", "locate", "get", "export-script"):
        done = subprocess.run([*program(), command, "--help"], stdout=subprocess.PIPE, check=True,
                              text=True)
        options |= set(re.findall(r"(?m)^  --([a-z-]+)", done.stdout))
    manual = set(re.findall(r"\bFl -([a-z-]+)", read("man/nearpoint.1")))
    assert options == manual, options ^ manual


def test_commands(_scene):
    """Every command that --help names has its paragraph in nearpoint(1), and the reverse."""
    done = subprocess.run([*program(), "--help"], stdout=subprocess.PIPE, check=True, text=True)
    commands = set(re.findall(r"(?m)^  ([a-z-]+) ", done.stdout))
    assert commands == set(re.findall(r"(?m)^\.It Cm ([a-z-]+)", read("man/nearpoint.1")))


def test_settings(_scene):
    """nearpoint.json(5) has every key that the program knows, and no other."""
    keys = set(re.findall(r'strcmp\(key, "(\w+)"\)', read("agent/command/config.c")))
    rows = re.findall(r"(?m)^\.It Li (.+)$", read("man/nearpoint.json.5"))
    manual = {key for row in rows for key in re.findall(r"\w+", row)}
    assert keys == manual, keys ^ manual
