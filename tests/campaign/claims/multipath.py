"""The claim for routed paths, on digits in two styles: `make campaign-claims-multipath`.

Paths with gates beside paths that are never joined, cross-stitched ones, one wider and one deeper path; all have about
as many parameters.
"""

from __future__ import annotations

from tests.campaign.claims.harness import accuracies, arm, forest, in_percent, judged, picture, settings, trained

PATHS, SINGLE = "claims/paths", "claims/single"


def main() -> None:
    """Train and print."""
    claim = settings("multipath", __doc__, "mnist5k:styles,train=500", epochs=30, seeds=6)
    done = trained(claim, [
        arm("two paths, routed", PATHS),
        arm("two paths, never joined", PATHS, routed=False, features=19),
        arm("two paths, cross-stitched", PATHS, routed=False, stitched=True, features=19),
        arm("one path, wider", SINGLE),
        arm("one path, deeper", SINGLE, c=8, n=4, features=28),
    ])
    accuracies(done)
    print()
    for number in range(1, 5):
        judged(f"routed beside {done.table.rows[number].arm.name}", done.values(0), done.values(number))
    judged("two paths, never joined, beside one path, wider", done.values(1), done.values(3))
    judged("two paths, never joined, beside one path, deeper", done.values(1), done.values(4))
    picture("multipath", forest({row.arm.name: in_percent(done.values(number))
                                 for number, row in enumerate(done.table.rows)}, "accuracy, %"))


if __name__ == "__main__":
    main()
