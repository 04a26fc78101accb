"""PowerShell without PowerShell: the tree of a script from tests/powershell, and what stands in it.

A node is {type, text, line, error, children}.
"""

import json
import os
import re
import subprocess

from harness import ROOT, Skip

FOLDER = os.path.join(ROOT, "tests/powershell")


def parse_all(scripts):
    if not os.path.isdir(FOLDER + "/node_modules/web-tree-sitter"):
        raise Skip("no parser of PowerShell: run tests/deps tests")
    done = subprocess.run(["node", FOLDER + "/parse.mjs"], input=json.dumps(scripts),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def parse(script):
    return parse_all([script])[0]


def walk(node, *types):
    """The nodes of these types, or all, each before its children."""
    if not types or node["type"] in types:
        yield node
    for child in node["children"]:
        yield from walk(child, *types)


def child(node, *types):
    return next((found for found in node["children"] if found["type"] in types), None)


def bare(node):
    while len(node["children"]) == 1:
        node = node["children"][0]
    return node


def errors(tree):
    return ["line %d: %s" % (node["line"], node["text"].strip()[:60])
            for node in walk(tree) if node["error"]]


def name_of(variable):
    """$Name, ${Name}, @Name: the name in lower case."""
    return variable["text"].lstrip("$@").strip("{}").lower()


def assignments(tree):
    """Variable's name in lower case to the expression that it is given first."""
    found = {}
    for node in walk(tree, "assignment_expression"):
        left = bare(node["children"][0])
        if left["text"].startswith("$") and left["text"][1:].isalnum():
            found.setdefault(name_of(left), node["children"][-1])
    return found


def literal(node, variables):
    """Strings, numbers, $true, lists, tables and variables that hold such; nothing else."""
    while len(node["children"]) == 1 and node["type"] != "array_expression":
        node = node["children"][0]
    kind, text = node["type"], node["text"]
    if kind == "verbatim_string_characters":
        return text[1:-1].replace("''", "'")
    if kind == "expandable_string_literal" and not list(walk(node, "variable", "sub_expression")):
        return text[1:-1]
    if kind == "decimal_integer_literal":
        return int(text)
    if text.lower() in ("$true", "$false"):
        return text.lower() == "$true"
    if kind == "variable":
        return literal(variables[name_of(node)], variables)
    if kind == "array_literal_expression":
        return [literal(item, variables) for item in node["children"] if item["type"] != ","]
    if kind == "array_expression":
        return array(node, variables)
    if kind == "hash_literal_expression":
        return {entry["children"][0]["text"]: literal(entry["children"][2], variables)
                for entry in walk(node, "hash_entry")}
    raise AssertionError("line %d: no literal: %s" % (node["line"], text))


def array(node, variables):
    """@(...): its statements' values, of which a list is not one but many."""
    items = []
    for statement in child(node, "statement_list")["children"]:
        if statement["type"] == "empty_statement":
            continue
        value = literal(statement, variables)
        items += value if isinstance(value, list) else [value]
    return items


class Function:
    def __init__(self, node):
        self.name = child(node, "function_name")["text"]
        self.line = node["line"]
        self.lines = node["text"].count("\n")
        block = next(walk(node, "param_block"))
        self.parameters = [name_of(child(parameter, "variable"))
                           for parameter in walk(block, "script_parameter")]


def functions(tree):
    return [Function(node) for node in walk(tree, "function_statement")]


class Command:
    """A command's name, the parameters it is given in lower case, and what stands bare."""

    def __init__(self, node):
        name = child(node, "command_name", "command_name_expr")
        self.line = node["line"]
        self.text = node["text"]
        self.name = name["text"]
        self.is_called = child(node, "command_invokation_operator") is not None
        self.parameters, self.positional, self.splatted = [], [], False
        elements = child(node, "command_elements")
        expects = False
        for part in elements["children"] if elements else []:
            if part["type"] == "command_parameter":
                self.parameters.append(part["text"].lstrip("-").lower())
                expects = True
            elif part["text"].startswith("@") and part["text"][1:].isalnum():
                self.splatted = True
            elif part["type"] != "command_argument_sep":
                if not expects:
                    self.positional.append(part["text"])
                expects = False


def commands(tree):
    return [Command(node) for node in walk(tree, "command")]


def types(tree):
    """[System.IO.File] and kin, without arrays' brackets, in lower case, with their lines."""
    for node in walk(tree, "type_literal"):
        for word in re.findall(r"[\w.]+", node["text"]):
            yield word.lower(), node["line"]


def calls(tree):
    """Methods called: name, what it is called on, line."""
    for node in walk(tree, "invokation_expression"):
        yield child(node, "member_name")["text"], node["children"][0]["text"], node["line"]
