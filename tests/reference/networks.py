"""Whole networks in the language, each with something that a single use does not show."""

from __future__ import annotations

BASE_CNN_CC = """archlang 1
block unit(c) = conv(3x3, c) -> batch_norm -> relu

network BaseCNN_CC(paths = 2, classes = 10, hidden = 16, size = 16, widths = [8, 12], last = 16) {
  let gate = cross_connection(hidden = hidden)
  input image: [3, size, size]
  trunk  = image -> fork(paths, gate)
                 -> for c in widths { each { unit(c) -> unit(c) -> max_pool(2x2) } -> route(gate) }
                 -> each { unit(last) -> unit(last) } -> route(gate)
  logits = trunk -> each { flatten -> linear(8) -> relu } -> route(gate)
                 -> each { linear(8) -> relu -> linear(classes) } -> mean
  output logits
}
"""

RESNET = """archlang 1
block bottleneck(width, stride = 1) {
  body     = in -> conv(1x1, width) -> batch_norm -> relu
                -> conv(3x3, width, stride = stride) -> batch_norm -> relu
                -> conv(1x1, 4 * width) -> batch_norm
  shortcut = in -> if stride != 1 or in.channels != 4 * width {
                     conv(1x1, 4 * width, stride = stride) -> batch_norm
                   }
  output body -> add(shortcut) -> relu
}

network ResNet(classes = 5, width = 2) {
  input image: [3, 20, 24]
  stem   = image  -> conv(7x7, width, stride = 2) -> batch_norm -> relu -> max_pool(3x3, stride = 2)
  layer1 = stem   -> 2 * bottleneck(width)
  layer2 = layer1 -> bottleneck(2 * width, stride = 2) -> 2 * bottleneck(2 * width)
  logits = layer2 -> global_avg_pool -> linear(classes)
  output logits
}
"""

NAMES = """archlang 1
let bend = relu
let pair = conv(3x3, 4) -> batch_norm -> bend
let gate = cross_connection(hidden = 2)
block unit(c, act = relu, then = identity) = conv(3x3, c) -> act -> then
block twice(c, other) {
  let inner = unit(c, act = tanh)
  left  = inner -> inner
  right = in -> inner -> 2 * inner -> add(other -> unit(c))
  output left -> add(right) -> 2 * (unit(c) as again)
}

network Names(deep = true) {
  input a: [4, 6, 6]
  input b: [4, 6, 6]
  x   = a -> pair -> (pair as second) -> pair -> conv(1x1, 4) -> conv(1x1, 4) -> (conv(1x1, 4) as conv_2)
  y   = b -> twice(4, x) -> twice(4, other = a) -> 2 * twice(4, x)
  z   = (x, y, a) -> each { if deep { unit(3, bend) } else { unit(2) } } -> route(gate, to = 2)
  one = z[1] -> unit(3, act = leaky_relu(0.2), then = dropout(0) -> batch_norm)
             -> layers { relu; bend; unit(2) } -> concat
  output one -> global_avg_pool -> linear(one.channels // 2)
  output early = x -> flatten -> linear(2)
  output late = z -> concat -> conv(1x1, 1) -> conv(1x1, 1)
}
"""

BODIES = """archlang 1
network Bodies {
  input x: [6, 8, 8]
  y = x -> residual {
        let c = in.channels
        small = in -> conv(1x1, c // 2) -> relu
        wide  = small -> parallel { conv(3x3, c / 2); conv(5x5, c - c // 2) -> batch_norm } -> concat
        output wide
      }
  bundle = y -> fork(3) -> each { part = conv(3x3, 4) -> relu; output part -> if in.height > 7 { max_pool(2x2) } }
  output bundle -> shared { conv(3x3, 4) -> batch_norm } -> for k in [1, 3] {
           route(cross_connection(hidden = 0)) -> each { conv(size(k, k), len(bundle)) }
         } -> sum -> flatten -> linear(max(bundle.count, 2, 1) + min([4, 2]))
}
"""

TWO_DEAD = """archlang 1
network Dead {
  input x: [4, 8, 8]
  used   = x -> conv(3x3, 4)
  unused = used -> conv(3x3, 9) -> relu
  output used -> batch_norm
  output raw = x -> conv(3x3, 2) -> batch_norm -> conv(1x1, 2)
}
"""

BIASES = """archlang 1
network Biases {
  input x: [4, 8, 8]
  shared_by = x -> conv(3x3, 4)
  normal    = shared_by -> batch_norm
  handed    = x -> conv(3x3, 4)
  after     = handed -> batch_norm
  through   = x -> fork(2) -> shared { conv(3x3, 4) }
  output normal -> add(shared_by, after, through[0] -> batch_norm, through[1])
  output h = handed
}
"""

ASIDE = """archlang 1
network Aside {
  input x: [4, 6, 6]
  y = x -> fork(2) -> each { relu -> add(in -> conv(1x1, 4)) -> conv(1x1, 4) } -> sum
  output y
}
"""

ALL = {
    "base_cnn_cc": BASE_CNN_CC, "resnet": RESNET, "names": NAMES, "bodies": BODIES, "dead": TWO_DEAD, "biases": BIASES,
    "aside": ASIDE,
}
