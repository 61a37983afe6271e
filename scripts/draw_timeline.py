#!/usr/bin/python3
"""Draw a trace written by `rehearse run --trace` as a picture: a row for each GPU's compute and communication.

    draw_timeline.py trace.pftrace -o timeline.png [--from S] [--to S] [--gpus 0,8] [--rows compute,communication]

The format of the picture follows from its name (.png, .svg, .pdf). Needs matplotlib (Debian: python3-matplotlib).
"""
import argparse
import re
import struct
import sys

COLOURS = {  # kinds of ops, in the order of the legend
    "forward": "#4c78a8",
    "backward": "#54a24b",
    "backward_weight": "#a7d49b",
    "recompute": "#83c5be",
    "optimizer": "#7b5ea7",
    "tensor_comm": "#f58518",
    "context_comm": "#8c564b",
    "expert_comm": "#72b7b2",
    "pipeline_comm": "#eeca3b",
    "data_comm": "#e45756",
    "embedding_comm": "#b5651d",
    "offload": "#d67195",
    "other": "#9d9d9d",
}
INK, FAINT = "#333333", "#e6e6e6"


# ---- reading: just enough protobuf for the traces that we write ----

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of every field of a message; a length-delimited value is a memoryview."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = bytes(data[at:at + 8]), at + 8
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError("not a trace of rehearse: wire type %d" % wire)
        yield key >> 3, value


class Trace:
    """Tracks {uuid: (name, parent)} and slices [(track, begin, end, depth, kind, name, flows, terminating)], in ns."""

    def __init__(self, path):
        self.tracks, self.slices = {}, []
        self._names, self._kinds, self._open, self._now = {}, {}, {}, 0
        with open(path, "rb") as file:
            data = memoryview(file.read())
        for number, packet in fields(data):
            if number == 1:
                self._packet(dict(fields(packet)))

    def _packet(self, packet):
        self._now += packet.get(8, 0)
        if 12 in packet:
            self._intern(packet[12])
        if 60 in packet:
            track = dict(fields(packet[60]))
            self.tracks[track[1]] = (bytes(track.get(2, b"")).decode(), track.get(5, 0))
        if 11 in packet:
            self._event(list(fields(packet[11])))

    def _intern(self, data):
        for number, entry in fields(data):
            table = {1: self._kinds, 2: self._names}.get(number)
            if table is not None:
                entry = dict(fields(entry))
                table[entry[1]] = bytes(entry[2]).decode()

    def _event(self, event):
        one = dict(event)
        kind, track = one.get(9), one.get(11)
        stack = self._open.setdefault(track, [])
        if kind == 2 and stack:
            begin, depth, category, name, flows, heads = stack.pop()
            self.slices.append((track, begin, self._now, depth, category, name, flows, heads))
        elif kind == 1:
            ids = [[struct.unpack("<Q", v)[0] for n, v in event if n == field] for field in (47, 48)]
            stack.append((self._now, len(stack), self._kinds.get(one.get(3), "other"), self._names.get(one.get(10), ""),
                          *ids))


# ---- choosing ----

def rows_of(trace, wanted_rows, wanted_gpus):
    """[(title of the GPU, [(row name, track), ...])] in the order of the trace."""
    gpus = {}
    for uuid, (name, parent) in trace.tracks.items():
        owner = trace.tracks.get(parent, ("", 0))[0]
        number = re.match(r"GPU (\d+)", owner)
        if not number or (wanted_gpus and int(number.group(1)) not in wanted_gpus):
            continue
        if re.sub(r" \d+$", "", name) in wanted_rows:
            gpus.setdefault((parent, owner), []).append((name, uuid))
    return [(owner, rows) for (_, owner), rows in gpus.items()]


def gpu_label(title):
    """'GPU 12 (stage 1, stands for 24)' on two lines."""
    match = re.match(r"(GPU \d+) \(stage (\d+)(?:, stands for (\d+))?\)", title)
    if not match:
        return title
    return "%s%s\nstage %s" % (match.group(1), " ×" + match.group(3) if match.group(3) else "", match.group(2))


def blocks(slices):
    """Slices of one row by micro batch: neighbours of one direction and micro batch are one block [begin, end, label,
    direction]; recomputation goes with the backward pass."""
    out = []
    for begin, end, name in slices:
        match = re.match(r"([FBR])(\d+)( ·|$)", name)
        label, direction = (match.group(2), match.group(1) == "F") if match else ("", None)
        if out and label and out[-1][2:] == [label, direction]:
            out[-1][1] = end
        else:
            out.append([begin, end, label, direction])
    return out


# ---- drawing ----

def lay_out(gpus):
    """The vertical place (bottom, height) of every track, the middle of every GPU, and the height of all."""
    places, middles, y = {}, [], 0.0
    for title, rows in gpus:
        top = y
        for name, track in rows:
            height = 1.0 if name.startswith("compute") else 0.5
            places[track] = (-y - height, height)
            y += height + 0.06
        middles.append((-(top + y - 0.06) / 2, title))
        y += 0.3
    return places, middles, y - 0.3


def draw_slices(axes, trace, places, unit, start, stop):
    from matplotlib.collections import PolyCollection
    boxes, rows = {}, {}
    for track, begin, end, depth, kind, name, _, _ in trace.slices:
        if depth or track not in places or end < start or begin > stop:
            continue
        bottom, height = places[track]
        x0, x1 = max(begin, start) / unit, min(end, stop) / unit
        boxes.setdefault(kind, []).append([(x0, bottom), (x1, bottom), (x1, bottom + height), (x0, bottom + height)])
        rows.setdefault(track, []).append((max(begin, start), min(end, stop), name))
    for kind, polygons in boxes.items():
        axes.add_collection(PolyCollection(polygons, facecolors=COLOURS.get(kind, COLOURS["other"]), edgecolors="none",
                                           linewidths=0, zorder=2))
    return [kind for kind in COLOURS if kind in boxes], rows


def label_blocks(axes, rows, places, unit, columns_per_unit):
    """The micro batch in every block that is wide enough for it; a white line where the next block touches."""
    from matplotlib.patheffects import withStroke
    halo = [withStroke(linewidth=1.8, foreground="#00000088")]
    for track, slices in rows.items():
        bottom, height = places[track]
        if height < 1:
            continue
        found = blocks(sorted(slices))
        for begin, end, label, _ in found:
            wide = (end - begin) / unit * columns_per_unit
            if wide > 3:
                axes.plot([begin / unit] * 2, [bottom, bottom + height], color="white", linewidth=0.5, zorder=3)
            if label and wide > 6.5 * len(label) + 2:
                axes.text((begin + end) / 2 / unit, bottom + height / 2, label, ha="center", va="center_baseline",
                          color="white", fontsize=8, fontweight="bold", path_effects=halo, zorder=4)


def draw_arrows(axes, trace, places, unit, start, stop, most=400):
    """A line for each send, from the sender's compute row to the receiver's, unless they would hide the rest."""
    compute = {trace.tracks[t][1]: t for t in places if trace.tracks[t][0] == "compute"}
    tails, heads = {}, {}
    for track, begin, _, _, _, _, flows, terminating in trace.slices:
        row = compute.get(trace.tracks[track][1])
        if row is not None:
            tails.update((i, (begin, row)) for i in flows)
            heads.update((i, (begin, row)) for i in terminating)
    lines = [(tails[i], heads[i]) for i in tails if i in heads and start <= tails[i][0] and heads[i][0] <= stop]
    if len(lines) > most:
        return
    for (begin, sender), (arrival, receiver) in lines:
        down = places[receiver][0] < places[sender][0]
        y = [places[sender][0] + (0 if down else 1), places[receiver][0] + (1 if down else 0)]
        axes.plot([begin / unit, arrival / unit], y, color=INK, linewidth=0.6, alpha=0.35, zorder=1.5)


def decorate(figure, axes, middles, kinds, title, unit_name):
    from matplotlib.patches import Patch
    axes.set_yticks([y for y, _ in middles])
    axes.set_yticklabels([gpu_label(name) for _, name in middles], fontsize=9, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", colors=INK, labelsize=9)
    axes.set_xlabel("time in " + unit_name, fontsize=9, color=INK)
    axes.grid(axis="x", color=FAINT, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=26)
    axes.legend(handles=[Patch(color=COLOURS[k], label=k.replace("_comm", " communication")) for k in kinds],
                loc="lower left", bbox_to_anchor=(-0.005, 1.0), ncol=len(kinds), frameon=False, fontsize=9,
                handlelength=1, handleheight=1, columnspacing=1.4, handletextpad=0.5, borderaxespad=0.3)
    figure.tight_layout()


def draw(trace, gpus, options):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    places, middles, height = lay_out(gpus)
    ends = [s[2] for s in trace.slices if s[0] in places] or [1]
    start = options.start * 1e9
    stop = max(ends) if options.stop is None else options.stop * 1e9
    unit, unit_name = next((u, n) for u, n in ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns"))
                           if stop - start >= 2 * u or u == 1)
    figure, axes = pyplot.subplots(figsize=(options.width, 1.3 + 0.36 * height), dpi=options.dpi)
    kinds, rows = draw_slices(axes, trace, places, unit, start, stop)
    axes.set_xlim(start / unit, stop / unit)
    axes.set_ylim(-height - 0.15, 0.15)
    label_blocks(axes, rows, places, unit, options.width * 0.9 * 72 / ((stop - start) / unit))
    if not options.no_arrows:
        draw_arrows(axes, trace, places, unit, start, stop)
    root = next((name for name, parent in trace.tracks.values() if not parent), "")
    decorate(figure, axes, middles, kinds, options.title or root, unit_name)
    figure.savefig(options.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("-o", "--output", default="timeline.png")
    parser.add_argument("--from", dest="start", type=float, default=0.0, metavar="S", help="begin, in seconds")
    parser.add_argument("--to", dest="stop", type=float, metavar="S", help="end, in seconds")
    parser.add_argument("--gpus", help="numbers of the GPUs to show: 0,8 (default: all)")
    parser.add_argument("--rows", default="compute,communication", help="rows of each GPU (also: send,receive)")
    parser.add_argument("--title", help="default: the name of the run")
    parser.add_argument("--width", type=float, default=14.0, help="of the picture, in inches")
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--no-arrows", action="store_true", help="do not draw what the stages send one another")
    options = parser.parse_args()
    trace = Trace(options.trace)
    gpus = rows_of(trace, options.rows.split(","), {int(g) for g in options.gpus.split(",")} if options.gpus else set())
    if not gpus:
        sys.exit("draw_timeline.py: no such GPUs or rows in " + options.trace)
    draw(trace, gpus, options)


if __name__ == "__main__":
    main()
