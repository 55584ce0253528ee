"""The canonical form: what it looks like, that it means the same, and that it is stable."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from archlang.source import Source
from archlang.syntax import parse, parse_expr, print_expr, print_file, print_flat, tree
from archlang.syntax.tree import Binary, Call, Flow, In, Name, Number, Unary
from tests.syntax.trees import expressions, files

SMALL_DOSE = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


@SMALL_DOSE
@given(files)
def test_any_tree_survives_printing(file: tree.File) -> None:
    text = print_file(file)
    again = parse(Source("printed.arch", text))
    assert again == file
    assert print_file(again) == text


@SMALL_DOSE
@given(expressions)
def test_any_expression_survives_printing(node: tree.Expr) -> None:
    assert parse_expr(print_expr(node)) == node
    assert parse_expr(print_flat(node)) == node


def formatted(text: str) -> str:
    return print_file(parse(Source("test.arch", "archlang 1\n" + text))).removeprefix("archlang 1\n")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Binary("*", Binary("+", Name("a"), Name("b")), Name("c")), "(a + b) * c"),
        (Binary("-", Name("a"), Binary("-", Name("b"), Name("c"))), "a - (b - c)"),
        (Binary("*", Number(3), Flow((Name("a"), Name("b")))), "3 * (a -> b)"),
        (Unary("-", Binary("at", Name("a"), Name("b"))), "-a at b"),
        (Unary("not", Binary("and", Name("a"), Name("b"))), "not (a and b)"),
        (Binary("==", Binary("==", Name("a"), Name("b")), Name("c")), "(a == b) == c"),
        (tree.As(Flow((Name("a"), Name("b"))), "c"), "(a -> b) as c"),
        (Call(Call(Name("f"), ()), None, tree.Body(flows=(Name("a"),))), "(f()) { a }"),
        (tree.Field(Number(3), "x"), "(3).x"),
        (tree.Index(Unary("-", Name("a")), In()), "(-a)[in]"),
        (tree.If(Call(Name("f"), None, tree.Body(flows=(In(),))), tree.Body(flows=(In(),))), "if (f { in }) { in }"),
        (tree.TupleOf((Name("a"),)), "(a,)"),
        (Number(0.5, "0.50"), "0.50"),
        (Number(0.5, "0.75"), "0.5"),
        (tree.Text('a"\\\n\u202e'), '"a\\"\\\\\\n\\u{202e}"'),
    ],
)
def test_parentheses_stand_where_precedence_needs_them(node: tree.Expr, text: str) -> None:
    assert print_expr(node) == text


def test_a_long_flow_breaks_before_the_repeated_stage_with_arrows_in_a_column() -> None:
    steps = "conv(3x3, width, stride = stride) -> batch_norm -> relu"
    assert formatted(f"block b {{ body = in -> {steps} -> {steps} output body }}") == (
        "block b {\n"
        f"  body = in -> {steps}\n"
        f"            -> {steps}\n"
        "  output body\n"
        "}\n"
    )  # fmt: skip


def test_names_of_neighbouring_bindings_stand_in_a_column_until_an_empty_line() -> None:
    text = "block b {\n  a   = in\n  bcd = in\n\n  e = in\n  output e\n}\n"
    assert formatted("block b { a = in; bcd = in\n\n\n\n e = in output e }") == text


def test_phases_with_the_same_settings_make_a_table() -> None:
    text = "train {\n  phase a   { n = 1;   lr = x }\n  phase bcd { n = 100; lr = y }\n}\n"
    assert formatted("train { phase a { n = 1 lr = x } phase bcd { n = 100 lr = y } }") == text


def test_braces_stay_on_a_line_where_they_fit_and_open_where_they_do_not() -> None:
    assert formatted("block b = parallel{relu;gelu}") == "block b = parallel { relu; gelu }\n"
    assert formatted(f"block b = parallel {{ {' -> '.join(['linear(1000)'] * 9)}; gelu }}") == (
        "block b = parallel {\n"
        "            linear(1000)\n"
        + "            -> linear(1000)\n" * 7
        + "            -> linear(1000);\n"
        "            gelu\n"
        "          }\n"
    )


def test_empty_lines_are_kept_but_at_most_one() -> None:
    assert formatted("let a = 1\nlet b = 2\n\n\n\nlet c = 3\n") == "let a = 1\nlet b = 2\n\nlet c = 3\n"


def test_a_doc_string_keeps_its_lines_and_finds_its_indentation() -> None:
    text = 'network N {\n      """One.\n\n        Two.\n          Three.\n      """\n  input x: [3]\n  output x\n}\n'
    printed = formatted(text)
    assert printed.startswith('network N {\n  """One.\n\n  Two.\n    Three.\n  """\n  input')


def test_a_tree_made_by_a_program_may_put_the_first_doc_string_before_a_declaration() -> None:
    file = tree.File((tree.Let("a", Number(1), doc="What it is."),))
    assert print_file(file) == 'archlang 1\n""""""\n"""What it is."""\nlet a = 1\n'
    assert parse(Source("test.arch", print_file(file))) == file


def test_windows_line_ends_become_plain_ones() -> None:
    assert print_file(parse(Source("w.arch", "archlang 1\r\nlet a = 1 # x\r\n"))) == "archlang 1\nlet a = 1  # x\n"
