"""Small faults that a programmer could make, found in the syntax tree of a module.

Each fault changes one place: a comparison is turned, a constant is moved, an operator or a
condition is swapped, a statement is dropped. Docstrings, annotations, assertions and log lines are
left alone, as no test should assert them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.LShift: ">>",
    ast.RShift: "<<",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
LOGGERS = frozenset({"log", "logger"})
DROPPED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Fault:
    """Replace `source[start:end]` (offsets in characters) with `text`.

    line       where the fault is
    statement  where the innermost statement around it begins
    """

    line: int
    statement: int
    start: int
    end: int
    text: str
    change: str

    def applied(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]


def faults_of(source: str) -> list[Fault]:
    """Return every fault that can be put into the module, in the order of the source."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    unique = {(fault.start, fault.end, fault.text): fault for fault in finder.faults}
    return [fault for _, fault in sorted(unique.items())]


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self._statement = 1
        self._line_starts = [0]
        for line in source.split("\n"):  # not splitlines(): Python ends a line at a newline only
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._statement = node.lineno
        super().visit(node)

    # What no test should assert is not visited.
    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave assertions alone: they state what cannot happen."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Leave annotations of parameters alone."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test) or "__name__" in ast.unparse(node.test):
            return
        self._replace(node.test, f"not ({self._text(node.test)})", "condition negated")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._replace(node.test, f"(not ({self._text(node.test)}))", "condition negated")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or _is_log_line(node.value):
            return  # a docstring, or a log line
        self._drop(node)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            new = COMPARISONS[type(operator)]
            self._replace_between(left, right, new, "comparison turned")
            left = right
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        # `a | b` of types is an annotation in disguise; it has no numbers in it.
        if type(node.op) in ARITHMETIC:
            self._replace_between(
                node.left, node.right, ARITHMETIC[type(node.op)], "operator swapped"
            )
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._drop(node)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        new = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._replace_between(left, right, new, "and/or swapped")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, f"bool({self._text(node.operand)})", "not dropped")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if _is_log_line(node):
            return
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            self._replace(node.func, FUNCTIONS[node.func.id], "function swapped")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace(node, str(not value), "constant moved")
        elif isinstance(value, int):
            self._replace(node, str(value + 1), "constant moved")
        elif isinstance(value, float):
            self._replace(node, repr(value * 1.1 if value else 1.0), "constant moved")

    def visit_Raise(self, node: ast.Raise) -> None:
        self._drop(node)  # the wording of the error is not visited

    def visit_Continue(self, node: ast.Continue) -> None:
        self._drop(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._drop(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if ast.unparse(node.value) in {"Literal", "Annotated", "Final", "tuple", "list", "dict"}:
            return
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave f-strings alone: they are words."""

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def _drop(self, node: ast.stmt) -> None:
        self._replace(node, "pass", "statement dropped")

    def _replace(self, node: ast.expr | ast.stmt, text: str, kind: str) -> None:
        start, end = self._span(node)
        self._add(node.lineno, start, end, text, kind)

    def _replace_between(self, left: ast.expr, right: ast.expr, text: str, kind: str) -> None:
        """Replace the operator between two operands; parentheses around them stay."""
        start, end = self._span(left)[1], self._span(right)[0]
        between = self.source[start:end]
        operator = between.strip("() \t\n\\")
        if not operator or "#" in between or "\n" in operator:
            return
        begin = start + between.index(operator)
        self._add(left.end_lineno or left.lineno, begin, begin + len(operator), text, kind)

    def _add(self, line: int, start: int, end: int, text: str, kind: str) -> None:
        before = " ".join(self.source[start:end].split())
        change = f"{kind}: {before[:60]} -> {text[:60]}"
        if kind == "statement dropped":
            change = f"{kind}: {before[:80]}"
        self.faults.append(Fault(line, self._statement, start, end, text, change))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(
            node.end_lineno, node.end_col_offset
        )

    def _offset(self, line: int, column_bytes: int) -> int:
        """Convert a position of the syntax tree, whose columns count UTF-8 bytes."""
        start = self._line_starts[line - 1]
        text = self.source[start : self._line_starts[line]]
        return start + len(text.encode()[:column_bytes].decode())

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self.source[start:end]


def _is_log_line(node: ast.expr) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS
