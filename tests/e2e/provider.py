"""A stand-in for the SMS Provider: classes of rows, asked in WQL by the commands of PowerShell.

It knows the queries that samples/export makes and refuses others. Lazy properties are null in a
query's rows and there in a get of one instance, as with the provider.
"""

import re

from powershell_net import Table
from powershell_run import Thrown

TOKENS = re.compile(r"\s*(\(|\)|AND\b|OR\b|(\w+) (>=|<=|=) ('(?:\\.|[^'\\])*'|-?\d+))")


class Condition:
    """WQL's WHERE as a function of a row: columns by name in lower case."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text):
            found = TOKENS.match(text, at)
            if not found:
                raise Thrown("Invalid query: " + text[at:])
            self.tokens.append(found)
            at = found.end()
        self.holds = self.either() if self.tokens else lambda row: True
        if self.tokens:
            raise Thrown("Invalid query: " + text)

    def takes(self, word):
        if self.tokens and self.tokens[0][1] == word:
            self.tokens.pop(0)
            return True
        return False

    def either(self):
        terms = [self.both()]
        while self.takes("OR"):
            terms.append(self.both())
        return lambda row: any(term(row) for term in terms)

    def both(self):
        terms = [self.term()]
        while self.takes("AND"):
            terms.append(self.term())
        return lambda row: all(term(row) for term in terms)

    def term(self):
        if self.takes("("):
            inner = self.either()
            self.takes(")")
            return inner
        _, name, operator, value = self.tokens.pop(0).groups()
        name = name.lower()
        if value.startswith("'"):
            value = re.sub(r"\\(.)", r"\1", value[1:-1]).lower()
            return lambda row: str(row[name]).lower() == value
        value = int(value)
        return {">=": lambda row: row[name] >= value, "<=": lambda row: row[name] <= value,
                "=": lambda row: row[name] == value}[operator]


class Instance:
    """`alive` counts those that somebody still holds."""

    alive = most = 0

    def __init__(self, class_name, columns, whole=None):
        self.CimInstanceProperties = Table(
            (name, Table(Value=value)) for name, value in columns.items())
        self.CimSystemProperties = Table(ClassName=class_name)
        self.class_name, self.whole = class_name, whole
        Instance.alive += 1
        Instance.most = max(Instance.most, Instance.alive)

    def __del__(self):
        Instance.alive -= 1


class Provider:
    """`rows`: class to a list of columns; `lazy`: names of properties; `columns`: class to all of
    its properties; `broken`: class to the number of rows after which a query of it fails."""

    def __init__(self, rows, columns, lazy=(), broken=()):
        self.rows, self.columns, self.lazy = rows, columns, set(lazy)
        self.broken = dict(broken)
        self.queries, self.pages, self.gets = [], {}, []

    def get_instance(self, cimsession, namespace=None, query=None, inputobject=None):
        assert cimsession is not None
        if inputobject is None:
            assert namespace == "root/SMS/site_PS1", namespace
            yield from self.answer(query)
        else:
            self.gets.append(inputobject.class_name)
            yield Instance(inputobject.class_name, inputobject.whole)

    def answer(self, query):
        found = re.fullmatch(r"SELECT ([\w, ]+) FROM (\w+)(?: WHERE (.+))?", query)
        if not found:
            raise Thrown("Invalid query: " + query)
        names, class_name = found[1].split(", "), found[2]
        self.queries.append(query)
        if class_name not in self.columns or not set(names) <= set(self.columns[class_name]):
            raise Thrown("Invalid class or property: " + query)
        condition, count = Condition(found[3] or ""), 0
        for row in self.rows.get(class_name, []):
            if condition.holds({name.lower(): value for name, value in row.items()}):
                count += 1
                if count > self.broken.get(class_name, count):
                    raise Thrown("the provider went away")
                yield Instance(class_name, {name: None if name in self.lazy else row[name]
                                            for name in names}, row)
        if len(names) > 1:
            self.pages.setdefault(class_name, []).append(count)

    def get_class(self, cimsession, namespace, classname):
        assert cimsession is not None and namespace
        if classname not in self.columns:
            raise Thrown("Not found: " + classname)
        yield Table(CimClassProperties=[Table(Name=name) for name in self.columns[classname]])
