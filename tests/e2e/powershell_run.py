"""Runs the little of PowerShell that samples/export is written in, with commands that a test gives.

It shows what the script does with a provider's answers, not what PowerShell would make of a
misunderstanding of its author's; what it does not know it refuses. Output flows through pipelines
one object at a time, arrays are taken apart on the way, and one object alone is no array.
"""

import os
import re

from powershell import bare, child, name_of, walk
from powershell_net import (CASTS, METHODS, OPERATORS, STATIC, Kind, Table, add, is_true, list_of,
                            member, text_of)


class Thrown(Exception):
    """`throw`, or a command's error."""


class Exited(Exception):
    """`exit`, with its code."""


class Returned(Exception):
    """`return`, with what it put out."""


class Block:
    """A script block, or a function's body."""

    def __init__(self, node):
        self.statements = child(next(walk(node, "script_block_body"), {"children": []}),
                                "statement_list")


class Reference:
    def __init__(self, scope, name):
        self.scope, self.name = scope, name


class Scope:
    """Variables are looked up in the callers' scopes too, as PowerShell does."""

    def __init__(self, parent=None):
        self.parent, self.own = parent, {}

    def find(self, name):
        scope = self
        while scope:
            if name in scope.own:
                return scope.own[name]
            scope = scope.parent
        raise Thrown("The variable '$%s' cannot be retrieved because it has not been set." % name)


def gathered(outputs):
    """What an assignment makes of outputs."""
    outputs = list(outputs)
    return None if not outputs else outputs[0] if len(outputs) == 1 else outputs


def spread(value):
    """What a value puts into a pipeline."""
    yield from value if isinstance(value, (list, set)) else [value]


class Function(Block):
    """`parameters`: name to the conversion that it makes: null is no text, one is a list of one."""

    def __init__(self, node):
        super().__init__(node)
        self.parameters = {}
        for parameter in walk(next(walk(node, "param_block")), "script_parameter"):
            types = [literal["text"].lower() for literal in walk(parameter, "type_literal")]
            is_list = any(name.endswith("[]]") for name in types)
            self.parameters[name_of(child(parameter, "variable"))] = (
                text_of if "[string]" in types else list_of if is_list else lambda value: value)


class Runner:
    """`commands`: name to a function of the named arguments that gives outputs."""

    def __init__(self, tree, commands):
        self.tree, self.commands = tree, commands
        self.scope = Scope()
        self.scope.own.update({"true": True, "false": False, "null": None, "_": None,
                               "executioncontext": Table(SessionState=Table(Path="path"))})
        self.functions = {child(node, "function_name")["text"]: Function(node)
                          for node in walk(tree, "function_statement")}

    def run(self, **arguments):
        """What the script put out, and its exit code."""
        for node in walk(child(self.tree, "param_block"), "script_parameter"):
            name, default = name_of(child(node, "variable")), child(node,
                                                                    "script_parameter_default")
            value = self.value(default["children"][-1]) if default else None
            self.scope.own[name] = arguments.pop(name, value)
        assert not arguments, arguments
        outputs = []
        try:
            for output in self.statements(child(self.tree, "statement_list")):
                outputs.append(output)
        except Exited as ended:
            return outputs, ended.args[0]
        return outputs, 0

    # Statements give outputs, one after the other.

    def statements(self, node):
        for statement in node["children"] if node else []:
            yield from self.statement(statement)

    def statement(self, node):
        method = getattr(self, "do_" + node["type"], None)
        if method:
            yield from method(node)
        elif node["type"] not in ("empty_statement", "function_statement", "comment"):
            yield from self.outputs(node)

    def block(self, node):
        return self.statements(child(child(node, "statement_block"), "statement_list"))

    def do_if_statement(self, node):
        others = child(node, "elseif_clauses")
        for clause in [node, *(others["children"] if others else [])]:
            if is_true(self.value(clause["children"][2])):
                yield from self.block(clause)
                return
        if child(node, "else_clause"):
            yield from self.block(child(node, "else_clause"))

    def do_foreach_statement(self, node):
        name = name_of(node["children"][2])
        for item in list_of(self.value(node["children"][4])):
            self.scope.own[name] = item
            yield from self.block(node)

    def do_for_statement(self, node):
        first, condition, step = (child(node, "for_" + part)["children"][0]
                                  for part in ("initializer", "condition", "iterator"))
        list(self.statement(first))
        while is_true(self.value(condition)):
            yield from self.block(node)
            list(self.statement(step))

    def do_try_statement(self, node):
        try:
            yield from self.block(node)
        except (Thrown, OSError) as error:
            if not child(node, "catch_clauses"):
                raise
            caught = Table(Exception=Table(Message=str(error)), Thrown=error)
            yield from self.with_item(caught, self.block(child(node, "catch_clauses")[
                "children"][0]))
        finally:
            if child(node, "finally_clause"):
                list(self.block(child(node, "finally_clause")))

    def do_flow_control_statement(self, node):
        word, rest = node["children"][0]["type"], node["children"][1:]
        if word == "exit":
            raise Exited(self.value(rest[0]))
        if word == "return":
            raise Returned(list(self.outputs(rest[0])))
        if rest:
            raise Thrown(text_of(self.value(rest[0])))
        raise self.scope.find("_")["Thrown"]

    def do_assignment_expression(self, node):
        left, operator, right = node["children"]
        value = self.value(right)
        if operator["text"] == "+=":
            value = add(self.value(left), value)
        self.assign(bare(left), value)
        return ()

    def do_post_increment_expression(self, node):
        self.assign(node["children"][0], self.value(node["children"][0]) + 1)
        return ()

    def assign(self, left, value):
        if left["type"] == "cast_expression":
            value = self.cast(left["children"][0], value)
            left = left["children"][1]
        if left["type"] == "variable":
            self.scope.own[name_of(left)] = value
            return
        holder = self.value(left["children"][0])
        if left["type"] == "element_access":
            holder[self.value(left["children"][2])] = value
        elif isinstance(holder, Table):
            holder[left["children"][2]["text"]] = value
        else:
            setattr(holder, left["children"][2]["text"], value)

    # Pipelines

    def outputs(self, node):
        """What a pipeline or an expression puts out as a statement."""
        if node["type"] == "pipeline_chain":
            stages = [part for part in node["children"] if part["type"] != "|"]
            stream = self.outputs(stages[0])
            for stage in stages[1:]:
                stream = self.command(stage, stream)
            yield from stream
        elif node["type"] == "command":
            yield from self.command(node, ())
        else:
            value = self.value(node)
            is_call = node["type"] == "invokation_expression" or node["text"].startswith("[void]")
            if value is not None or not is_call:
                yield from spread(value)

    def arguments(self, node):
        """The command's arguments by name in lower case."""
        found, name = {}, None
        for part in (child(node, "command_elements") or {"children": []})["children"]:
            if part["type"] == "command_parameter":
                name = part["text"].lstrip("-").lower()
                found[name] = True
            elif part["text"].startswith("@") and part["type"] == "variable":
                splatted = self.scope.find(name_of(part))
                found.update({key.lower(): splatted[key] for key in splatted})
            elif part["type"] != "command_argument_sep":
                found[name] = part["text"] if part["type"] == "generic_token" else self.value(part)
        return found

    def command(self, node, stream):
        name, given = child(node, "command_name", "command_name_expr"), self.arguments(node)
        if child(node, "command_invokation_operator"):
            yield from self.within(Scope(self.scope), self.scope.find(name_of(name)))
        elif name["text"] in self.functions:
            yield from self.call(self.functions[name["text"]], given)
        elif name["text"] == "ForEach-Object":
            yield from self.each(given["process"], stream)
        elif name["text"] == "Where-Object":
            yield from (item for item in stream
                        if is_true(gathered(self.each(given["filterscript"], [item]))))
        elif name["text"] == "Select-Object":
            yield from list(stream)[:given["first"]]
        elif name["text"] == "Write-Output":
            yield from spread(given["inputobject"])
        else:
            yield from self.commands[name["text"]](**given)

    def with_item(self, item, outputs):
        """While the outputs are asked for, $_ is the item."""
        before = self.scope.own.get("_")
        self.scope.own["_"] = item
        yield from outputs
        self.scope.own["_"] = before

    def each(self, block, stream):
        for item in stream:
            yield from self.with_item(item, self.statements(block.statements))

    def within(self, scope, block):
        """The block in a scope of its own, no further than its outputs are asked for."""
        steps = self.statements(block.statements)
        while True:
            outer, self.scope = self.scope, scope
            try:
                output = next(steps)
            except StopIteration:
                return
            except Returned as returned:
                steps = iter(returned.args[0])
                continue
            finally:
                self.scope = outer
            yield output

    def call(self, function, given):
        scope = Scope(self.scope)
        for name, convert in function.parameters.items():
            scope.own[name] = convert(given.pop(name, None))
        assert not given, "no parameters %s" % list(given)
        yield from self.within(scope, function)

    # Expressions

    def value(self, node):
        method = getattr(self, "of_" + node["type"], None)
        if method:
            return method(node)
        if len(node["children"]) == 1:
            return self.value(node["children"][0])
        if node["type"] in ("pipeline_chain", "command"):
            return gathered(self.outputs(node))
        left, operator, right = node["children"]
        return OPERATORS[operator["text"]](self.value(left), self.value(right))

    def of_variable(self, node):
        name = name_of(node)
        if name.startswith("env:"):
            return os.environ.get(name[4:].upper())
        return self.scope.find(name)

    def of_command(self, node):
        return gathered(self.outputs(node))

    def of_verbatim_string_characters(self, node):
        return node["text"][1:-1].replace("''", "'")

    def of_decimal_integer_literal(self, node):
        return int(node["text"])

    def of_expandable_string_literal(self, node):
        text, at, result = node["text"][1:-1], 0, ""
        for part in node["children"]:
            place = text.index(part["text"], at)
            inner = self.value(part) if part["type"] == "variable" else gathered(
                self.statements(child(part, "statement_list")))
            result += text[at:place] + text_of(inner)
            at = place + len(part["text"])
        return re.sub("`(.)", lambda found: {"n": "\n"}[found[1]], result + text[at:])

    def of_parenthesized_expression(self, node):
        return self.value(node["children"][1])

    def of_array_expression(self, node):
        return list(self.statements(child(node, "statement_list")))

    def of_array_literal_expression(self, node):
        return [self.value(part) for part in node["children"] if part["type"] != ","]

    def of_hash_literal_expression(self, node):
        return Table((bare(entry["children"][0])["text"].strip("'"),
                      self.value(entry["children"][2])) for entry in walk(node, "hash_entry"))

    def of_script_block_expression(self, node):
        return Block(node)

    def of_type_literal(self, node):
        return Kind(re.search(r"[\w.]+", node["text"])[0])

    def of_logical_expression(self, node):
        left, operator, right = node["children"]
        if is_true(self.value(left)) == (operator["text"] == "-or"):
            return operator["text"] == "-or"
        return is_true(self.value(right))

    def of_expression_with_unary_operator(self, node):
        if len(node["children"]) == 1:
            return self.value(node["children"][0])
        operator, operand = node["children"]
        value = self.value(operand)
        return [value] if operator["text"] == "," else not is_true(value)

    def of_cast_expression(self, node):
        kind, operand = node["children"]
        if kind["text"] == "[ref]":
            return Reference(self.scope, name_of(bare(operand)))
        return self.cast(kind, self.value(operand))

    def cast(self, kind, value):
        return CASTS[re.search(r"\w+", kind["text"])[0]](value)

    def of_member_access(self, node):
        return member(self.value(node["children"][0]), node["children"][2]["text"])

    def of_element_access(self, node):
        return self.value(node["children"][0])[self.value(node["children"][2])]

    def of_invokation_expression(self, node):
        holder, name = self.value(node["children"][0]), child(node, "member_name")["text"].lower()
        items = child(child(node, "argument_list"), "argument_expression_list")
        given = [self.value(part) for part in (items or {"children": []})["children"]
                 if part["type"] != ","]
        if name == "trygetvalue":
            key, target = given
            target.scope.own[target.name] = holder[key] or 0
            return holder[key] is not None
        if isinstance(holder, Kind) and holder.name.endswith("regex"):
            return self.replace(*given)
        if isinstance(holder, Kind):
            return STATIC[holder.name, name](*given)
        method = METHODS.get((type(holder).__name__, name))
        return method(holder, *given) if method else getattr(holder, name)(*given)

    def replace(self, text, pattern, block):
        """[Regex]::Replace with a script block that has one parameter."""
        def put(found):
            scope = Scope(self.scope)
            scope.own["found"] = Table(Value=found[0])
            return text_of(gathered(self.within(scope, block)))
        return re.sub(pattern, put, text)
