"""Episode returns that the paper publishes (read from its plots, +-5), to be shown next to ours."""

from typing import NamedTuple

STEPS = (200_000, 500_000, 1_000_000)
NOTE = (
    "Published figures are read from plots (+-5). Their axis counts action repeat once where the published code "
    "applied it twice: 1,000,000 steps there are 2,000,000 control steps."
)
METHODS = ("diswm", "dreamerv2", "dv2-finetune", "apv", "ted", "curl")


class Published(NamedTuple):
    """A published curve: returns at `STEPS`."""

    source: str
    target: str
    method: str
    returns: tuple[float, float, float]


_TABLE: dict[tuple[str, str], tuple[tuple[float, float, float], ...]] = {
    ("cheetah-run", "walker-walk"): (
        (729, 879, 912), (537, 728, 854), (498, 784, 847), (648, 767, 862), (473, 651, 834), (198, 293, 443),
    ),
    ("reacher-easy", "cheetah-run"): (
        (631, 689, 798), (505, 602, 660), (544, 678, 700), (459, 628, 699), (247, 313, 380), (105, 129, 176),
    ),
    ("cheetah-run", "hopper-stand"): (
        (301, 756, 816), (236, 521, 648), (293, 626, 740), (316, 603, 532), (6, 213, 427), (6, 6, 6),
    ),
    ("finger-spin", "reacher-easy"): (
        (774, 931, 962), (683, 921, 946), (576, 920, 951), (667, 935, 912), (261, 485, 710), (207, 262, 381),
    ),
    ("finger-spin", "cartpole-swingup"): (
        (699, 811, 862), (561, 741, 794), (524, 734, 790), (305, 403, 526), (698, 780, 799), (180, 208, 253),
    ),
    ("reacher-easy", "pusher"): (
        (-52, -49, -44), (-56, -52, -46), (-70, -47, -44), (-69, -62, -60), (-90, -97, -60), (-84, -76, -61),
    ),
}  # fmt: skip
"""(source, target) -> the returns of METHODS, in their order."""


def published_for(environment: str) -> list[Published]:
    """What the paper reports with this target."""
    return [
        Published(source, target, method, returns)
        for (source, target), rows in _TABLE.items()
        for method, returns in zip(METHODS, rows, strict=True)
        if target == environment
    ]
