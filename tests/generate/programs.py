"""A seeded generator of valid programs. Types are tracked while the text is written, so that everything fits."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.generate.layout import odd
from tests.generate.model import Around, Block, Program, used_layer
from tests.generate.second import second
from tests.generate.stages import CHANNELS, ELEMENTWISE, Type, keeping, over_rows, prediction, single, spelled
from tests.generate.turns import spread, turned, under_test

Bundle = list[Type]


class Writer:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.seed = seed
        self.used = 0
        self.numbers: dict[str, int] = {}
        self.acts: list[str] = []
        self.gates: list[str] = []
        self.blocks: list[Block] = []
        self.layers: dict[str, Type] = {}

    def fresh(self, stem: str) -> str:
        """A name that nothing has yet."""
        self.used += 1
        return f"{stem}{self.used}"

    def number(self, value: int) -> str:
        """A whole number, in one of many spellings."""
        r = self.r
        named = [name for name, held in self.numbers.items() if held == value]
        return r.choice([str(value)] * 6 + named + spelled(value))

    # --- flows ---

    def flow(self, t: Type, length: int, a: Around) -> tuple[str, Type]:
        """Some steps from a type on."""
        steps = []
        for _ in range(length):
            text, t = self.step(t, a)
            steps.append(text)
        return " -> ".join(steps), t

    def step(self, t: Type, a: Around) -> tuple[str, Type]:
        """One step: an operation, a name, or something with structure."""
        r = self.r
        held = used_layer(self.r, self.layers, t, a)
        if held is not None:
            return held, t
        makers: list[Callable[[Type, Around], tuple[str, Type] | None]] = [
            *(self._single,) * 4, self._named, self._joined, lambda t, a: second(r, t, a),
        ]
        if a.depth < 3:
            makers += [self._residual, self._repeated, self._chosen, self._loop, self._parallel, self._paths,
                       self._paths, self._called, self._called,
                       lambda t, a: turned(r, t, a, self.fresh), lambda t, a: spread(r, t, a)]
        for _ in range(10):
            made = r.choice(makers)(t, a)
            if made is not None:
                return made
        return single(r, t)

    def keep(self, t: Type, a: Around, length: int | None = None) -> str:
        """Some steps that leave the type as it is."""
        count = length or self.r.randint(1, 3)
        return " -> ".join(self._kept(t, a) for _ in range(count))

    def _kept(self, t: Type, a: Around) -> str:
        r = self.r
        if a.depth < 3 and r.random() < 0.15:
            return f"{r.choice((2, 3))} * {r.choice((keeping(r, t), f'({keeping(r, t)} -> {keeping(r, t)})'))}"
        if self.acts and r.random() < 0.2:
            return r.choice(self.acts)
        held = used_layer(r, self.layers, t, a)
        if held is not None:
            return held
        return keeping(r, t, "in.channels" if a.entering == t and len(t) >= 3 and r.random() < 0.3 else None)

    # --- kinds of steps ---

    def _single(self, t: Type, a: Around) -> tuple[str, Type]:
        text, made = single(self.r, t)
        for size in self.r.sample(CHANNELS, 2):
            if text.endswith(f"({size})") and text.startswith("linear"):
                text = text.replace(f"({size})", f"({self.number(size)})")
        return text, made

    def _named(self, t: Type, a: Around) -> tuple[str, Type]:
        text, made = single(self.r, t)
        forms = (f"({text} as {self.fresh('step_')})", f"{text} as {self.fresh('op_')}", f"({text})")
        return self.r.choice(forms), made

    def _joined(self, t: Type, a: Around) -> tuple[str, Type] | None:
        if not a.flows:
            return None
        r = self.r
        others = [name for name, held in a.tensors.items() if held == t]
        if a.entering == t:
            others += ["in", f"in -> {keeping(r, t)}"]
        others += [f"{name} -> {keeping(r, t)}" for name in others if name in a.tensors]
        if not others:
            return None
        changed = f"{keeping(r, t)} -> "  # what flows here may be one of the others: nothing is merged with itself
        first, second = r.choice(others), f"{r.choice(others).partition(' ->')[0]} -> {keeping(r, t)}"
        some = r.choice((first, first, f"{first}, {second}"))
        kind = r.choice(("add", "mul", "sub", "concat"))
        if kind == "sub":
            return f"{changed}sub({first})", t
        if kind == "concat":
            return (f"{changed}concat({some})", (t[0] * (2 + some.count(", ")), *t[1:])) if "(" not in some else None
        return f"{changed}{kind}({some})", t

    def _residual(self, t: Type, a: Around) -> tuple[str, Type]:
        head = self.r.choice(("residual", "residual", "residual(mix = learned)", "residual(mix = fixed(0.25))"))
        return f"{head} {{ {self.keep(t, a.inside(t))} }}", t

    def _repeated(self, t: Type, a: Around) -> tuple[str, Type]:
        count = self.r.choice((1, 2, 3))
        body = self.keep(t, a.inside(t), 2)
        return f"{count} * ({body})", t

    def _chosen(self, t: Type, a: Around) -> tuple[str, Type]:
        r = self.r
        truth, inner = r.random() < 0.5, a.inside(a.entering)  # an `if` rebinds nothing
        value = r.choice(list(self.numbers.items()) or [("3", 3)])
        test = f"{value[0]} == {value[1]}" if truth else f"{value[0]} > {value[1]} or false"
        if a.entering is not None and len(a.entering) == 3 and r.random() < 0.5:
            test = f"in.channels {'==' if truth else '!='} {a.entering[0]} and true"
        taken, made = self.flow(t, r.randint(1, 2), inner)
        other = self.keep(t, inner)
        if truth:
            return r.choice((f"if {test} {{ {taken} }}", f"if {test} {{ {taken} }} else {{ {other} }}")), made
        chain = f"if {test} {{ {other} }} else if not ({test}) {{ {taken} }}"
        return r.choice((f"if {test} {{ {other} }} else {{ {taken} }}", chain)), made

    def _loop(self, t: Type, a: Around) -> tuple[str, Type]:
        r, name = self.r, self.fresh("i")
        if len(t) == 3 and r.random() < 0.4:
            return over_rows(r, t, name)
        if len(t) == 3:
            widths = [r.choice(CHANNELS) for _ in range(r.randint(1, 3))]
            rest = self.keep((widths[0], *t[1:]), Around(depth=3, flows=False), 1)
            rest = rest if str(widths[0]) not in rest else "relu"
            return f"for {name} in {widths} {{ conv(3x3, {name}) -> {rest} }}", (widths[-1], *t[1:])
        body = self.keep(t, a.inside(t))
        return f"relu -> for {name} in range({r.randint(0, 2)}) {{ {body} -> scale(1 / (1 + {name}) * 1.0) }}".replace(
            "1 / (1 +", "1.0 / (1 +"), t

    def _called(self, t: Type, a: Around) -> tuple[str, Type] | None:
        return self.r.choice(self.blocks).call(t, a) if self.blocks else None

    def _parallel(self, t: Type, a: Around) -> tuple[str, Type] | None:
        r, inner = self.r, a.inside(t)
        count = r.randint(1, 3)
        if len(t) >= 2 and r.random() < 0.5:
            flows = [self.keep(t, inner) for _ in range(count)]
            merged, made = r.choice((("concat", (count * t[0], *t[1:])), ("stack -> flatten", None), ("product", t)))
            if made is None:
                return None
            word = r.choice(("parallel", "layers"))
            return f"{word} {{ {'; '.join(flows)}{r.choice(('', ';'))} }} -> {merged}", made
        members = [self.flow(t, r.randint(1, 2), inner) for _ in range(count)]
        if len(t) == 1 and all(len(made) == 1 for _, made in members):
            return f"parallel {{ {'; '.join(f for f, _ in members)} }} -> concat", (sum(m[0] for _, m in members),)
        return None

    # --- parallel paths ---

    def _paths(self, t: Type, a: Around) -> tuple[str, Type]:
        r = self.r
        count = r.randint(1, 3)
        steps = [r.choice((f"fork({self.number(count)})", f"fork({count}, {self._router(t)})"))]
        for _ in range(r.randint(1, 3)):
            text, t, count = self._path_step(t, count, a)
            steps.append(text)
        merged, t = self._merged(t, count)
        return " -> ".join([*steps, merged]), t

    def _path_step(self, t: Type, count: int, a: Around) -> tuple[str, Type, int]:
        r = self.r
        kind = r.choice(("each", "each", "shared", "route", "route"))
        if kind == "route":
            to = r.choice((count, count, r.randint(1, 3)))
            predicted = prediction(r, t) if r.random() < 0.25 else None
            router, t = predicted or (self._router(t), t)
            return (f"route({router})" if to == count else f"route({router}, to = {to})"), t, to
        inner = replace(a.inside(t), tensors=a.tensors if kind == "each" else {})
        body, made = self.flow(t, r.randint(1, 2), inner)
        if r.random() < 0.2:
            name = self.fresh("part")
            body = f"{name} = {body}; output {name} -> identity"
        return f"{kind} {{ {body} }}", made, count

    def _router(self, t: Type) -> str:
        found = ["cross_connection", "cross_connection(hidden = 0)", "cross_connection(2)", "cross_stitch"]
        return self.r.choice((*found, *self.gates))

    def _merged(self, t: Type, count: int) -> tuple[str, Type]:
        found = [("sum", t), ("mean", t), ("maximum", t), ("product", t), ("concat", (count * t[0], *t[1:]))]
        if len(t) == 1:
            found.append(("stack", (count, *t)))
        return self.r.choice(found)

    # --- declarations ---

    def declarations(self) -> list[str]:
        """Static values, stages and blocks at the top of the file, in any order."""
        r, lines = self.r, []
        for _ in range(r.randint(0, 2)):
            lines.append(self._let())
        for _ in range(r.randint(0, 2)):
            name = self.fresh("act")
            lines.append(f"let {name} = {r.choice((r.choice(ELEMENTWISE), 'relu -> tanh', '(silu)'))}")
            self.acts.append(name)
        if r.random() < 0.5:
            name = self.fresh("gate")
            lines.append(f"let {name} = cross_connection(hidden = {r.choice((0, 1, 3))})")
            self.gates.append(name)
        for _ in range(r.randint(0, 3)):
            lines.append(r.choice((self._unit, self._body_block, self._stage_block, self._head, self._joining))())
        return lines

    def _let(self) -> str:
        name, value = self.fresh("k"), self.r.choice((1, 2, 3, 4))
        text = f"let {name} = {self.number(value)}"
        self.numbers[name] = value
        return text

    def _documented(self, text: str) -> str:
        return f'"""A block."""\n{text}' if self.r.random() < 0.2 else text

    def _unit(self) -> str:
        name, r = self.fresh("unit"), self.r
        k = r.choice((1, 3))

        def call(t: Type, a: Around) -> tuple[str, Type] | None:
            if len(t) != 3:
                return None
            c, s = r.choice(CHANNELS), r.choice((1, 1, 2))
            more = r.choice(("", f", stride = {s}", f", {k}, {s}", f", k = {r.choice((1, 3))}, stride = {s}"))
            stride = s if more and not (more.startswith(", k") and "stride" not in more) else 1
            return f"{name}({self.number(c)}{more})", (c, -(-t[1] // stride), -(-t[2] // stride))

        self.blocks.append(Block(name, call))
        text = f"block {name}(c, k = {k}, stride = 1) = conv(size(k, k), c, stride = stride) -> batch_norm -> relu"
        return self._documented(text)

    def _body_block(self) -> str:
        name, main, r = self.fresh("body"), self.fresh("main"), self.r
        inner = " -> ".join(r.choice(("conv(3x3, in.channels)", "batch_norm", r.choice(ELEMENTWISE),
                                      "squeeze_excite", "depthwise_conv(3x3, bias = false)")) for _ in range(3))
        side = r.choice(("in", "in -> conv(1x1, in.channels)", "in -> if wide > 2 { batch_norm }", f"{main} -> relu"))

        def call(t: Type, a: Around) -> tuple[str, Type] | None:
            if len(t) != 3:
                return None
            times = r.choice(("", "", "2 * "))
            return times + r.choice((name, f"{name}()", f"{name}(wide = 3)", f"{name}(2)")), t

        self.blocks.append(Block(name, call))
        return self._documented(f"block {name}(wide = 1) {{\n  {main} = in -> {inner} -> scale(wide / 1)\n"
                                f"  output {main} -> add({side}) -> relu\n}}")

    def _stage_block(self) -> str:
        name, r = self.fresh("with"), self.r

        def call(t: Type, a: Around) -> tuple[str, Type] | None:
            if len(t) != 3:
                return None
            c = r.choice(CHANNELS)
            act = r.choice(("", f", {r.choice(ELEMENTWISE)}", ", act = batch_norm -> tanh",
                            *(f", act = {one}" for one in self.acts)))
            return f"{name}({c}{act})", (c, *t[1:])

        self.blocks.append(Block(name, call))
        return self._documented(f"block {name}(c, act = relu) = conv(1x1, c) -> act -> act")

    def _head(self) -> str:
        name, r = self.fresh("head"), self.r

        def call(t: Type, a: Around) -> tuple[str, Type] | None:
            if len(t) > 2:
                return None
            n = r.choice((1, 2, 5))
            return f"{name}({n}{r.choice(('', ', hidden = 4'))})", (*t[:-1], n)

        self.blocks.append(Block(name, call))
        return self._documented(f"block {name}(n, hidden = 3) {{ let h = hidden + 1; y = in -> linear(h) -> relu; "
                                "output y -> linear(n) }")

    def _joining(self) -> str:
        """A block that takes a further tensor."""
        name, r = self.fresh("join"), self.r

        def call(t: Type, a: Around) -> tuple[str, Type] | None:
            others = [other for other, held in a.tensors.items() if held == t]
            if not a.flows or not others:
                return None
            other = r.choice((r.choice(others), f"other = {r.choice(others)} -> tanh"))
            return f"{keeping(r, t)} -> {name}({other})", t

        self.blocks.append(Block(name, call))
        how = r.choice(("in -> add(other) -> relu", "mul(other)", "in -> sub(other -> relu)", "relu -> add(in, other)"))
        return self._documented(f"block {name}(other) = {how}")

    # --- networks ---

    def inputs(self) -> list[tuple[str, Type]]:
        """One or two inputs of various ranks."""
        r = self.r
        kinds: tuple[Callable[[], Type], ...] = (
            lambda: (r.choice((1, 2, 3, 4)), r.randint(4, 9), r.randint(4, 9)),
            lambda: (r.choice((1, 2, 3, 4)), r.randint(4, 9), r.randint(4, 9)),
            lambda: (r.randint(2, 8),), lambda: (r.randint(2, 6), r.randint(2, 6)), lambda: (2, 3, 4, 3),
        )
        count = r.choice((1, 1, 1, 2))
        return [(self.fresh("x"), r.choice(kinds)()) for _ in range(count)]

    def program(self, layout: bool = True) -> Program:
        """A whole program; with `layout`, some are written in an odd one."""
        r = self.r
        top = self.declarations()
        dials = {self.fresh("dial"): value for value in r.sample((2, 3, 5), r.randint(0, 2))}
        self.numbers |= dials
        tensors = dict(self.inputs())
        body = [f"  input {name}: [{', '.join(map(str, t))}]" for name, t in tensors.items()]
        body.extend(self._layers(tensors))
        for _ in range(r.randint(1, 4)):
            if r.random() < 0.2:
                body.append(f"  {self._let()}")
            source, start, ready = self._start(tensors)
            body.extend(ready)
            text, made = self.flow(start, r.randint(1, 5), Around(dict(tensors)))
            name = self.fresh("y")
            body.append(f"  {name} = {source} -> {text}")
            tensors[name] = made
        names = list(tensors)
        outputs: dict[str | None, Type] = {None: tensors[names[-1]]}
        body.append(f"  output {names[-1]}")
        for source in r.sample(names, r.choice((0, 0, 0, 1))):
            name = self.fresh("out")
            line, there = f"  output {name} = {source} -> tanh", True
            if r.random() < 0.4:
                line, there = under_test(r, name, f"{source} -> tanh")
            body.append(line)
            if there:
                outputs[name] = tensors[source]
        head = f"network {self.fresh('Net')}({', '.join(f'{name} = {value}' for name, value in dials.items())}) {{"
        head = head.replace("() {", r.choice(("() {", " {")))
        text = "\n".join(["archlang 1", *top, head, *body, "}"]) + "\n"
        return Program(self.seed, odd(r, text) if layout and r.random() < 0.4 else text, outputs)

    def _layers(self, tensors: dict[str, Type]) -> list[str]:
        """A layer for the type of an input, in one of four programs; the others are what they were without layers."""
        if random.Random(f"layers {self.seed}").random() > 0.25:
            return []
        t = self.r.choice(list(tensors.values()))
        stage = self.keep(t, Around(depth=2))
        name = self.fresh("held")
        self.layers[name] = t
        return [f"  layer {name} = {stage}"]

    def _start(self, tensors: dict[str, Type]) -> tuple[str, Type, list[str]]:
        """What a flow starts with: a tensor's name, a member of a bundle, several tensors brought together."""
        r = self.r
        source = r.choice(list(tensors))
        t, kind = tensors[source], r.random()
        if kind < 0.7:
            return source, t, []
        if kind < 0.85:
            name, count = self.fresh("bundle"), r.randint(1, 3)
            at = r.randrange(-count, count)
            line = f"  {name} = {source} -> fork({count}) -> each {{ {self.keep(t, Around(depth=2))} }}"
            return f"{name}[{at}]", t, [line]
        alike = [name for name, held in tensors.items() if held == t]
        members = [f"{one} -> {keeping(r, t)}" for one in r.choices(alike, k=r.randint(1, 2))]
        members.insert(r.randint(0, len(members)), r.choice(alike))
        merged, made = self._merged(t, len(members))
        return f"({', '.join(members)}) -> {merged}", made, []


def program(seed: int) -> Program:
    """The program of a seed; one in eight has symbolic sizes, one in sixteen reads tokens."""
    if seed % 8 == 7:
        from tests.generate.symbolic import symbolic

        return symbolic(seed)
    if seed % 16 == 3:
        from tests.generate.tokens import tokens

        return tokens(seed)
    return Writer(seed).program()
