"""Losses, optimizers and schedules of PyTorch, Keras and Optax, as a `train` here writes them."""

from __future__ import annotations

from archlang.elaborate.habits.habit import CallReading, Habit, items_of, whole_number
from archlang.elaborate.habits.writing import always, plain, stage

_CURVE = "a curve begins at the optimizer's rate and ends with its phase"
_NOTE = "a loss names what it reads: a tensor of the network, and `label`"


def _loss(there: str, here: str, *further: str, origin: str = "PyTorch") -> Habit:
    """A loss that is made first and called later: what it reads stands in the call here."""

    def write(call: CallReading) -> str | None:
        # Two tensors where a loss is made are those that it is meant to read: `MSELoss(pred, target)`.
        scores, second = call.text("weight"), call.text("size_average")
        if scores is None or second in (None, "true", "false"):
            scores = "logits"
        return stage(here, [scores, "label"], {"label_smoothing": call.text("label_smoothing")})

    parameters = ("weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing")
    form = f"{here}(logits, label)"
    prefix = {"PyTorch": "nn", "Keras": "keras.losses"}[origin]
    return Habit(origin, (there, *further), parameters, write, form, ((f"{prefix}.{there}()", form),), "loss", _NOTE)


def _function(there: str, here: str, *further: str, origin: str = "PyTorch", prefix: str = "F") -> Habit:
    """A loss that is a function of what the network gives and of what is right."""

    def write(call: CallReading) -> str | None:
        read = [call.text("input") or "logits", "label"]
        return stage(here, read, {"label_smoothing": call.text("label_smoothing")})

    parameters = ("input", "target", "weight", "ignore_index", "reduction", "label_smoothing")
    form = f"{here}(logits, label)"
    example = (f"{prefix}.{there}(logits, label)", form)
    return Habit(origin, (there, *further), parameters, write, form, (example,), "loss", _NOTE)


LOSSES: tuple[Habit, ...] = (
    _loss("CrossEntropyLoss", "cross_entropy"), _loss("MSELoss", "mse"), _loss("BCEWithLogitsLoss", "bce"),
    _loss("L1Loss", "l1"), _loss("SmoothL1Loss", "smooth_l1", "HuberLoss"), _loss("KLDivLoss", "kl"),
    _function("cross_entropy", "cross_entropy"), _function("mse_loss", "mse"),
    _function("binary_cross_entropy_with_logits", "bce"), _function("l1_loss", "l1"),
    _function("smooth_l1_loss", "smooth_l1"), _function("kl_div", "kl"),
    _loss("SparseCategoricalCrossentropy", "cross_entropy", "CategoricalCrossentropy", origin="Keras"),
    _loss("BinaryCrossentropy", "bce", origin="Keras"), _loss("MeanSquaredError", "mse", origin="Keras"),
    _function("softmax_cross_entropy_with_integer_labels", "cross_entropy", "softmax_cross_entropy", origin="Optax",
              prefix="optax"),
    Habit("PyTorch", ("NLLLoss", "nll_loss", "BCELoss", "binary_cross_entropy"), (), lambda call: None,
          "losses take what stands before a softmax or sigmoid: `cross_entropy(logits, label)`, `bce(logits, label)`"),
)


def _schedule(there: str, here: str, *further: str) -> Habit:
    """A curve of the learning rate. Its length is that of the phase, so that it is a guess without its arguments."""
    example = (f"lr_scheduler.{there}(optimizer)", here)
    return Habit("PyTorch", (there, *further), (), always(here), here, (example,), "lr", _CURVE, by_type=True)


def _step(call: CallReading) -> str | None:
    """Every so many epochs, which are listed here: as many of them as the phase has."""
    size = whole_number(call.values["step_size"]) if call.gives("step_size") else None
    if size is None:
        return None
    return stage("steps", [str(size), str(2 * size)], {"by": call.text("gamma") or "0.1"})


def _milestones(call: CallReading) -> str | None:
    if not call.gives("milestones"):
        return None
    epochs = [call.text_of(item) for item in items_of(call.values["milestones"])]
    return stage("steps", epochs, {"by": call.text("gamma") or "0.1"})


SCHEDULES: tuple[Habit, ...] = (
    Habit("PyTorch", ("CosineAnnealingLR",), ("optimizer", "T_max", "eta_min"),
          plain("cosine", named={"to": "eta_min"}), "cosine", (("lr_scheduler.CosineAnnealingLR(optimizer)", "cosine"),
                     ("lr_scheduler.CosineAnnealingLR(T_max=5, eta_min=1e-6)", "cosine(to = 1e-6)")), "lr", _CURVE,
          by_type=True),
    _schedule("CosineDecay", "cosine", "cosine_decay_schedule"),
    _schedule("CosineAnnealingWarmRestarts", "restarts(first = 10)"), _schedule("OneCycleLR", "one_cycle"),
    Habit("PyTorch", ("StepLR",), ("optimizer", "step_size", "gamma"), _step, "steps(30, 60, by = 0.1)",
          (("lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)", "steps(30, 60, by = 0.1)"),), "lr", _CURVE,
          by_type=True),
    Habit("PyTorch", ("MultiStepLR",), ("optimizer", "milestones", "gamma"), _milestones, "steps(30, 60, by = 0.1)",
          (("lr_scheduler.MultiStepLR(optimizer, milestones=[30, 80])", "steps(30, 80, by = 0.1)"),), "lr", _CURVE,
          by_type=True),
    _schedule("PiecewiseConstantDecay", "steps(30, 60, by = 0.1)"),
    _schedule("LinearLR", "linear", "PolynomialLR"), _schedule("ConstantLR", "constant"),
    Habit("PyTorch", ("ReduceLROnPlateau", "ExponentialLR", "ExponentialDecay", "LambdaLR"), (), lambda call: None,
          "a rate follows a curve that is known before: `lr = cosine`, `lr = steps(30, 60, by = 0.1)`, `lr = linear`"),
)


def _optimizer(there: str, *parameters: str, examples: tuple[tuple[str, str], ...]) -> Habit:
    """An optimizer whose arguments have the same names here. The weights, its first argument there, are known."""
    here = there.lower()
    named = {name: name for name in parameters}

    def write(call: CallReading) -> str | None:
        rate = "lr"
        if call.gives("learning_rate"):  # Keras's word
            rate = "learning_rate"
        return plain(here, named={"lr": rate, **named})(call)

    note = "the weights are those of the network; `groups` gives some of them values of their own"
    form = f"{here}(lr = ...)"
    takes = ("params", "lr", *parameters, "learning_rate")
    return Habit("PyTorch", (there,), takes, write, form, examples, "optimizer", note)


OPTIMIZERS: tuple[Habit, ...] = (
    _optimizer("SGD", "momentum", "dampening", "weight_decay", "nesterov", examples=(
        ("torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)",
         "sgd(lr = 0.1, momentum = 0.9, nesterov = true)"),
    )),
    _optimizer("Adam", "betas", "eps", "weight_decay", "amsgrad", examples=(
        ("torch.optim.Adam(lr=0.001, betas=(0.9, 0.99))", "adam(lr = 0.001, betas = [0.9, 0.99])"),
    )),
    _optimizer("AdamW", "betas", "eps", "weight_decay", "amsgrad", examples=(
        ("AdamW(lr=0.001, weight_decay=0.05)", "adamw(lr = 0.001, weight_decay = 0.05)"),
    )),
    _optimizer("RMSprop", "alpha", "eps", "weight_decay", "momentum", examples=(
        ("torch.optim.RMSprop(model.parameters(), 0.01)", "rmsprop(lr = 0.01)"),
    )),
    *(
        Habit("Optax", (name,), ("learning_rate", "momentum", "nesterov"),
              plain(name, named={"lr": "learning_rate", "momentum": "momentum", "nesterov": "nesterov"}),
              f"{name}(lr = ...)", ((f"optax.{name}(1e-3)", f"{name}(lr = 1e-3)"),), "optimizer")
        for name in ("sgd", "adam", "adamw", "rmsprop", "adagrad")
    ),
)
