"""Every kind of mistake by its stable name. `pages/NAME.md` holds the text of `archlang explain NAME`.

Scripts and editors match these names, so a name is never given another meaning. A new kind needs a row here and a page.
"""

from __future__ import annotations

from typing import Literal

from archlang.dataclass import dataclass

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class DiagnosticKind:
    """A kind of mistake: name, one line that describes it, severity, and the exit status of a command that meets it.

    The exit statuses: 1 the input is wrong, 2 the command is typed wrong, 3 a comparison or a training failed,
    4 something must be installed, 70 a mistake of archlang, 130 interrupted.
    """

    name: str
    title: str
    severity: Severity = "error"
    status: int = 1


def _table(severity: Severity, status: int, rows: dict[str, str]) -> dict[str, DiagnosticKind]:
    return {name: DiagnosticKind(name, title, severity, status) for name, title in rows.items()}


# The text as such, before anything is looked up.
SYNTAX = _table("error", 1, {
    "missing-pragma": "the first line is not `archlang 1`",
    "unsupported-version": "the file is written in a version of the language that this archlang does not know",
    "not-utf8": "the file is not UTF-8 text",
    "bad-character": "a character that has no meaning in the language",
    "hidden-character": "a control or bidirectional character that makes text look other than it is",
    "bad-number": "a number that is not written as one",
    "bad-escape": "an escape in a string that does not exist",
    "unclosed-string": "a string that does not end",
    "unclosed-bracket": "a bracket that is not closed",
    "unmatched-bracket": "a closing bracket that nothing opened",
    "unexpected-token": "something stands where something else must",
    "unexpected-end": "the file ends too early",
    "reserved-word": "a word of the language used as a name",
    "brace-in-head": "braces in the head of an `if` or `for`, outside parentheses",
    "mixed-body": "a body that holds flows and statements",
    "empty-body": "braces with nothing in them",
    "misplaced-statement": "a statement that does not belong in this body",
    "positional-after-keyword": "an argument without a name after one with a name",
})

# What names stand for, and what a body must declare.
NAMES = _table("error", 1, {
    "undefined-name": "a name that nothing defines",
    "unknown-stage": "a stage that neither the file nor the catalogue has",
    "foreign-form": "a name or a form of PyTorch, Keras or Python that is written otherwise here",
    "already-bound": "a name bound twice",
    "shadowed-name": "a name inside that hides one outside",
    "several-networks": "more than one network in a file",
    "several-trains": "more than one `train` in a file",
    "several-outputs": "more than one output of the same name",
    "missing-output": "a body with statements that hands nothing out",
    "missing-input": "a network without an input",
    "missing-network": "a file without a network where one is needed",
    "in-without-braces": "`in` where nothing flows in",
    "same-twice": "a tensor that would be merged with itself",
    "recursive-block": "a block that uses itself",
    "undeclared-symbol": "a lower-case name in an input's type that is no dial",
    "reserved-symbol": "`B` declared as a size: it is the batch",
    "unknown-dial": "a dial that the network does not have",
    "bad-dial": "a dial's value that does not fit",
})

IMPORTS = _table("error", 1, {
    "import-not-found": "an imported file or module that is not there",
    "import-ambiguous": "a module that two folders of the search path hold",
    "import-outside": "an import that leads out of the project",
    "import-cycle": "files that import each other",
    "unknown-import": "a name that the imported file does not declare",
})

ARGUMENTS = _table("error", 1, {
    "unknown-argument": "an argument that this stage does not take",
    "missing-argument": "an argument that must be given and is not",
    "repeated-argument": "an argument given twice",
    "conflicting-arguments": "arguments that exclude each other",
    "too-many-arguments": "more arguments than there are places",
    "wrong-kind": "a value of another kind than is wanted",
    "out-of-range": "a number outside what is allowed",
    "unknown-word": "a word that this argument does not know",
    "unknown-field": "a value does not have this field",
    "index-out-of-range": "an index past the end",
    "division-by-zero": "a division by zero",
    "inexact-division": "`/` with a remainder",
    "not-callable": "arguments given to something that takes none",
    "missing-body": "a stage that needs braces, without them",
    "needless-body": "braces on a stage that takes none",
    "missing-else": "an `if` that stands for a value, without `else`",
    "bad-code": "words that make no code",
    "code-contract": "a code that does not keep what it declares",
})

SHAPES = _table("error", 1, {
    "shape-mismatch": "sizes that must agree do not",
    "expected-tensor": "a bundle where a tensor is wanted",
    "expected-bundle": "a tensor where a bundle is wanted",
    "expected-logits": "probabilities where a loss wants scores",
    "exchanged-arguments": "two arguments stand in each other's place",
    "expected-grid": "patches are wanted here",
    "unequal-members": "a bundle whose members must be alike and are not",
    "shared-shapes": "a use of a layer at which its weights would be others",
    "wrong-rank": "a vector, sequence or map where another is wanted",
    "not-divisible": "a number that must divide another and does not",
    "kernel-too-large": "a kernel larger than the map it slides over",
    "empty-map": "a stage leaves nothing of the map",
    "wrong-axis": "an axis that the value does not have",
    "wrong-count": "parts, sizes or elements that do not add up",
    "router-inputs": "a router fed with the wrong number of inputs",
    "too-few-layers": "attention over a single layer",
    "unknown-size": "a symbolic size that is not known well enough",
    "symbolic-parameters": "a number of parameters that depends on a symbolic size",
    "stage-is-no-tensor": "a stage where a tensor is wanted",
    "tensor-is-no-stage": "a tensor where a stage is wanted",
    "whole-numbers": "whole numbers such as tokens where others are wanted, or the other way round",
})

# Bounds on untrusted input: `limits.py` holds the numbers.
LIMITS = _table("error", 1, {
    "file-too-large": "a file past the size that is read",
    "too-many-files": "more imported files, or more text in all, than is read",
    "import-too-deep": "imports nested too deep",
    "too-many-tokens": "more words and signs in a file than are read",
    "nesting-too-deep": "brackets, blocks or expressions nested too deep",
    "name-too-long": "a name longer than allowed",
    "string-too-long": "a string or doc string longer than allowed",
    "number-too-large": "a number larger than allowed",
    "expression-too-long": "an expression with too many terms",
    "too-many-nodes": "a network with too many nodes or edges once it is expanded",
    "dimension-too-large": "a dimension past the largest allowed",
    "too-many-parameters": "more parameters than allowed",
    "too-much-memory": "activations larger than allowed",
    "too-much-work": "a search that takes more steps than allowed",
})

TRAINING = _table("error", 1, {
    "missing-train": "training asked of a file that declares none",
    "missing-loss": "a `train` without a loss",
    "missing-phase": "a `train` without a phase",
    "bad-phase": "a phase that cannot run",
    "unknown-setting": "a statement in `train` that does not exist",
    "unknown-site": "a loss on a part that the network does not have",
})

# Warnings never fail a command: status 0.
WARNINGS = _table("warning", 0, {
    "unused-name": "a name that nothing uses",
    "unused-import": "an imported name that nothing uses",
    "shadowed-op": "a block named like a stage of the catalogue",
    "misread-axes": "axes that an operation takes for others",
    "small-batch-norm": "a batch norm over a single value a channel",
})

# What goes wrong outside of a file's text: files, data, models, the command itself.
USE = {
    **_table("error", 1, {
        "unreadable-file": "a file that cannot be read",
        "unwritable-output": "an output that cannot be written",
        "out-of-memory": "too little memory",
        "not-a-model": "a file that is no archlang model",
        "truncated-model": "a model file that ends too early",
        "altered-model": "a model file whose contents are not what was saved",
        "foreign-model": "a model file of another format, version or program",
        "unsafe-model": "a model file that could run code when opened",
        "non-finite-model": "a model whose weights hold NaN or infinity",
        "changed-model": "a model that no longer computes what its text says",
        "unknown-data": "a data set that is not known",
        "bad-data": "data that does not fit the network",
        "unreadable-image": "an image that cannot be read",
        "run-exists": "a run folder that already holds a training",
        "input-shape": "a tensor of another shape than the network's input",
        "unknown-pass": "a transformation that does not exist",
        "pass-does-not-apply": "a transformation that this network does not allow",
        "not-evaluation-mode": "a model in training mode where inference is wanted",
        "not-traceable": "a model that torch.fx cannot trace",
        "not-importable": "a part of a torch model that no text can say",
        "nothing-adopted": "a source of weights that fits nothing of the network",
        "unsupported-module": "a model of another kind than is needed",
        "unknown-name": "a name asked for that archlang does not have",
        "not-available": "what cannot be done together, or not by this version",
        "bad-plugin": "a plug-in that offers no valid operation",
    }),
    **_table("error", 2, {"usage": "a command typed wrong"}),
    **_table("error", 3, {
        "not-formatted": "a file that is not in canonical form",
        "not-equal": "a fused model that does not equal its original",
        "diverged": "a training whose loss is no longer a number",
    }),
    **_table("error", 4, {"missing-tool": "a program or package that this needs and that is not installed"}),
    **_table("error", 70, {"internal-error": "a mistake in archlang itself"}),
    # The shell's own status for a program that Ctrl-C ended: 128 and the signal's number.
    **_table("error", 130, {"interrupted": "stopped by the user"}),
}

# The names of `kernels.geometry.Trouble`.
BOOSTING = _table("error", 1, {
    "nothing-to-boost": "small kernels for a kernel of a single position",
    "branch-count": "no small kernels, too many of them, or more shapes than there are",
    "branch-too-large": "a small kernel larger than the large one",
    "branch-outside": "a small kernel that leaves the large one",
    "uncovered-positions": "positions of a kernel that no small kernel covers",
})

PATCHING = _table("error", 1, {"patch-too-large": "a patch larger than the map it is cut from"})

PATTERNS = {
    **_table("error", 1, {"unknown-pattern": "a pattern that stands for no weight of the network"}),
    **_table("warning", 0, {"never-trained": "weights that no phase trains"}),
}

RUNS = _table("error", 1, {
    "run-differs": "a run continued with another file, data or seed than it began with",
    "run-in-use": "a run folder that another training is writing to",
    "no-checkpoint": "a run folder without a checkpoint that can be continued",
    "one-seed": "an interval or a test that a single seed does not give",
})

PROCESSES = _table("error", 1, {
    "process-lost": "a training whose other processes ended before it",
    "callback-failed": "a callback of a training that raised an error",
})

KINDS: dict[str, DiagnosticKind] = {
    **SYNTAX, **NAMES, **IMPORTS, **ARGUMENTS, **SHAPES, **LIMITS, **TRAINING, **WARNINGS, **USE,
    **BOOSTING, **PATCHING, **PATTERNS, **RUNS, **PROCESSES,
}
"""Name to kind, in the order of the documentation."""
