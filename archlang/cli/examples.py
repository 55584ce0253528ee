"""Calls to copy, shown below the help of each command."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "new": ("archlang new", "archlang new segment -o net.arch"),
    "check": ("archlang check net.arch", "archlang check --format json *.arch", "archlang check net.arch -p paths=4"),
    "fmt": ("archlang fmt net.arch", "archlang fmt --check *.arch", "archlang fmt --diff net.arch"),
    "info": (
        "archlang info net.arch",
        "archlang info net.arch --depth 1 -p width=64",
        "archlang info net.arch --depth 0 --processes 8",
        "archlang info best.safetensors --format json",
    ),
    "draw": ("archlang draw net.arch -o net.svg", "archlang draw net.arch -o net.pdf --depth 1"),
    "diff": ("archlang diff old.arch new.arch", "archlang diff net.arch best.safetensors -o both.html"),
    "import": (
        "archlang import timm:resnet18 -o net.arch",
        "archlang import my_models:make -o net.arch --weights net.safetensors",
    ),
    "compile": (
        "archlang compile net.arch -o net.safetensors",
        "archlang compile net.arch --show graph",
        "archlang compile net.arch --init weights.pt -o net.safetensors",
        "archlang compile net.arch --tune 32",
    ),
    "transform": (
        'archlang transform net.arch "multipath{paths=2}" -o paths.arch',
        "archlang transform best.safetensors fuse -o deploy.safetensors",
    ),
    "train": (
        "archlang train net.arch --data digits",
        "archlang train net.arch --data folder:images --epochs 20 --run run",
        "archlang train net.arch --data folder:images --run run --resume",
    ),
    "study": ("archlang study net.arch other.arch --data digits --seeds 5",),
    "sweep": ("archlang sweep net.arch --data digits --trials 30 -p width=4..64 --set optimizer.lr=1e-4..0.1:log",),
    "cluster": ("archlang cluster net.arch --data digits --clusters 10",),
    "boost": ("archlang boost net.arch --data digits -o boosted.arch",),
    "fuse": ("archlang fuse best.safetensors -o deploy.safetensors --verify",),
    "export": ("archlang export best.safetensors -o net.py", "archlang export best.safetensors --to onnx -o net.onnx"),
    "predict": ("archlang predict best.safetensors photo.png",),
    "extract": ("archlang extract best.safetensors --class 3 -o three.safetensors",),
    "ablate": ("archlang ablate best.safetensors --data digits",),
    "eval": (
        "archlang eval best.safetensors --data digits",
        "archlang eval best.safetensors --data folder:images --cut 1",
    ),
    "show": (
        "archlang show gates best.safetensors --data digits -o gates.svg",
        "archlang show routes best.safetensors photo.png -o route.svg",
    ),
    "codes": (
        "archlang codes design --classes 10 --branches 10 --active 5 -o code.csv",
        "archlang codes check code.csv",
    ),
    "explain": ("archlang explain", "archlang explain shape-mismatch"),
    "ops": ("archlang ops", "archlang ops conv", "archlang ops std.resnet"),
    "doctor": ("archlang doctor", "archlang doctor --format json"),
    "serve": ("archlang serve net.arch", "archlang serve net.arch --port 8123 --no-browser -p paths=3"),
    "lsp": ("archlang lsp",),
}
"""Command to calls, simple ones first. The tests read each as the command line would."""


def epilog(command: str) -> str | None:
    """The examples of a command as the end of its help; None where it has none."""
    lines = EXAMPLES.get(command)
    if lines is None:
        return None

    # click fills paragraphs, but for those that begin with a backspace.
    return "Examples:\n\n\b\n" + "\n".join(lines)
