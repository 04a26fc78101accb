// Parses PowerShell: on standard input a JSON array of scripts, on standard output one of trees.
// Each node is {type, text, line, error, children}, of named nodes and bare words alike. A level
// of precedence at which nothing stands but the next level is left out.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Language, Parser } from "web-tree-sitter";

const grammar = new URL(
  "node_modules/tree-sitter-powershell/tree-sitter-powershell.wasm", import.meta.url);
const level = new RegExp(
  "^(pipeline|pipeline_chain|argument_expression|(unary|array_literal|format|range|additive|" +
  "multiplicative|comparison|logical|bitwise)(_argument)?_expression)$");

function describeChildren(cursor, text) {
  const children = [];
  if (cursor.gotoFirstChild()) {
    do
      children.push(describe(cursor, text));
    while (cursor.gotoNextSibling());
    cursor.gotoParent();
  }
  return children;
}

function describe(cursor, text) {
  const type = cursor.nodeType;
  const line = cursor.startPosition.row + 1;
  const error = type === "ERROR" || cursor.nodeIsMissing;
  const own = text.slice(cursor.startIndex, cursor.endIndex);
  const children = describeChildren(cursor, text);
  if (children.length === 1 && level.test(type))
    return children[0];
  return { type, text: own, line, error, children };
}

// The optimising compiler takes seconds for the grammar's tables.
setFlagsFromString("--liftoff-only");
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(fileURLToPath(grammar)));
const scripts = JSON.parse(readFileSync(0, "utf8"));
const trees = scripts.map((text) => describe(parser.parse(text).walk(), text));
process.stdout.write(JSON.stringify(trees));
