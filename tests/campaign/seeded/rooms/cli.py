"""Bugs in the commands."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "cli/commands/check.py",
        'return min((d.kind.status for d in diagnostics if d.severity == "error"), default=0)',
        "return min((d.kind.status for d in diagnostics), default=0)",
        "a warning beside an error ends with status 0",
        ("cli/test_check.py",),
    ),
    Seed(
        "cli/main.py",
        "        session.failure(problem.diagnostics)\n        return problem.status",
        "        session.failure(problem.diagnostics)\n        return 1",
        "every mistake ends with status 1",
        ("cli/test_boundary.py::test_every_exception_has_its_status", "cli/test_boundary.py::test_usage"),
    ),
    Seed(
        "cli/commands/predict.py",
        'return f"{one_line(prediction.path)}: {guesses}"',
        'return f"{prediction.path}: {guesses}"',
        "escape sequences in a file's name reach the terminal",
        ("cli/test_models.py::test_a_path_with_escape_sequences_is_shown_safely",),
    ),
    Seed(
        "cli/commands/predict.py",
        "return int(bool(failed))",
        "return 0",
        "predict --json: an image that cannot be read ends with status 0",
        ("cli/test_models.py::test_predict",),
    ),
    Seed(
        "cli/files.py",
        'return str(path.with_name(f"{path.stem}-{number + 1}{path.suffix}"))',
        "return output",
        "several pictures are written over one another",
        ("archlang/cli/files.py",),
    ),
    Seed(
        "cli/files.py",
        'if output == "-" and count > 1:',
        "if False:",
        "several pictures run into one another on standard output",
        ("cli/test_endings.py::test_what_would_not_be_written_is_refused", "cli/test_show.py::test_what_is_refused"),
    ),
    Seed(
        "exporting/checking.py",
        "near = max(symbol.low, min(wanted, symbol.high))",
        "near = symbol.low",
        "random inputs of open sizes have a single place",
        ("archlang/exporting/checking.py",),
    ),
    Seed(
        "cli/streams.py",
        "                os.open(os.devnull, os.O_RDWR)",
        "                pass",
        "what a library prints ends in a file where a stream is closed",
        ("cli/test_streams.py::test_what_a_library_prints_does_not_end_in_a_file_when_standard_error_is_closed",),
    ),
)
