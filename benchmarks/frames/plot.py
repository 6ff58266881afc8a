"""One picture: the seconds of put and get, on a logarithmic axis."""

from __future__ import annotations

from pathlib import Path

from peers import ENTRIES
from results import CaseResults


def draw(case: CaseResults, path: Path) -> None:
    """Write the picture of one case as SVG."""
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and two runs give files that differ only in what was measured.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "omega"})
    from matplotlib import pyplot

    peers = [p for p in case.peers() if case.of(p, "put").seconds and case.of(p, "get").seconds]
    figure, all_axes = pyplot.subplots(
        1, 2, figsize=(9, 0.4 * len(peers) + 1.2), sharey=True, layout="constrained"
    )
    for axes, operation in zip(all_axes, ("put", "get"), strict=True):
        fastest = [case.of(peer, operation).min for peer in peers]
        colours = ["tab:blue" if peer == "omega" else "lightgray" for peer in peers]
        bars = axes.barh([ENTRIES[peer].title for peer in peers], fastest, color=colours)
        axes.bar_label(bars, [f" {seconds:.3g} s" for seconds in fastest])
        axes.set_xscale("log")
        axes.margins(x=0.2)
        axes.set_title(operation)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0].invert_yaxis()
    figure.suptitle(case.title)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
