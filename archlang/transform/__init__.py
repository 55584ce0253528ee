"""Transformations: graph in, graph out, printed as `.arch` again.

>>> from archlang.elaborate import loads
>>> net = loads('''archlang 1
... network N(classes = 10) {
...   input image: [1, 8, 8]
...   logits = image -> conv(3x3, 8) -> relu -> max_pool(2x2) -> flatten -> linear(classes)
...   output logits
... }''')
>>> print(apply(net, "multipath{paths=2}").listing)
archlang 1
network N(classes = 10, paths = 2, hidden = 16) {
  let gate = cross_connection(hidden = hidden)
  input image: [1, 8, 8]
  logits = image -> fork(paths, gate)
                 -> each { conv(3x3, 8) -> relu -> max_pool(2x2) } -> route(gate)
                 -> each { flatten -> linear(classes) } -> mean
  output logits
}
<BLANKLINE>
"""

from archlang.transform.base import Transformation, apply
from archlang.transform.coded import CodedBranches
from archlang.transform.layer_attention import LayerAttention
from archlang.transform.multipath import Multipath
from archlang.transform.patch_experts import PatchExperts
from archlang.transform.pbconv import PBConv

__all__ = ["CodedBranches", "LayerAttention", "Multipath", "PBConv", "PatchExperts", "Transformation", "apply"]
