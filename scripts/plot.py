#!/usr/bin/python3
"""Draw the tables that rehearse writes with --csv as PNG or SVG, by the ending of each -o. docs/plots.md has examples.

    plot.py time sweep.csv -o time.png -o time.svg     iteration time, or another column, against GPUs
    plot.py scaling sweep.csv -o scaling.png           throughput per GPU, of that on the fewest GPUs
    plot.py algorithms collective.csv -o sizes.png     collective algorithms by size
    plot.py compare sweep.csv -o bars.png              what the iterations of a sweep's rows are made of
    plot.py predicted result.json -o errors.png        predicted against measured, as `rehearse validate --json` has it

Exit status: 0; 2 where the command line or the table is wrong. Needs matplotlib (Debian: python3-matplotlib).
"""
import argparse
import importlib
import sys

from plots.table import Fault, Table, ending

ENDINGS = ("png", "svg")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise Fault("%s (see %s --help)" % (message, self.prog))


def whole(least, most):
    def read(text):
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError("expected a whole number from %d to %d, found '%s'" % (least, most, text))
        return int(text)
    return read


def add_common(parser, kind):
    parser.add_argument("table", metavar="TABLE.csv", help="what the program wrote with --csv, of `validate` also with "
                        "--json; - is standard input")
    parser.add_argument("-o", "--output", action="append", metavar="FILE",
                        help=".png or .svg; may be given again (default: %s.png)" % kind)
    parser.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE",
                        help="only rows that have this; may be given again")
    parser.add_argument("--title", help="instead of the one that follows from the table")
    parser.add_argument("--subtitle", help="likewise")
    parser.add_argument("--width", type=whole(300, 4000), default=900, metavar="PIXELS", help="default: 900")
    parser.add_argument("--height", type=whole(200, 4000), metavar="PIXELS")


def add_by(parser, default):
    parser.add_argument("--by", action="append", default=[], metavar="COLUMN",
                        help="what rows are told apart by; may be given again (default: %s)" % default)


def add_lines(parser, y, default):
    parser.add_argument("--y", default=y, metavar="COLUMN", help=default)
    for axis in "xy":
        parser.add_argument("--%s-scale" % axis, choices=["auto", "log", "linear"], default="auto")


def add_best(parser):
    add_by(parser, "the axes of the study that need it")
    parser.add_argument("--best", action="store_true", help="of rows at the same place that with the most tokens_per_s")


def add_time(parser):
    add_lines(parser, "iteration_time_s", "default: iteration_time_s")
    parser.add_argument("--x", default="gpus", metavar="COLUMN", help="default: gpus")
    add_best(parser)


def add_scaling(parser):
    add_lines(parser, "tokens_per_s", "throughput, or a figure of one GPU: tflops_per_gpu, mfu (default: tokens_per_s)")
    parser.add_argument("--kind", choices=["weak", "strong"], help="for the title (default: as the batches are)")
    add_best(parser)


def add_algorithms(parser):
    add_lines(parser, "busbw_gbps", "busbw_gbps (default), algbw_gbps or time")
    add_by(parser, "algorithm")


def add_compare(parser):
    add_by(parser, "the axes of the study")
    parser.add_argument("--top", type=whole(1, 60), default=20, metavar="N",
                        help="of more rows those with the most tokens_per_s (default: 20)")
    parser.add_argument("--sort", action="store_true", help="the row with the most tokens_per_s first")


def add_predicted(parser):
    parser.add_argument("--by", default="study", metavar="COLUMN",
                        help="what points are told apart by (default: study)")


# Name, module and function that draw it, options, help.
KINDS = (
    ("time", "lines", add_time, "iteration time, or another column, against GPUs, or another column"),
    ("scaling", "lines", add_scaling, "throughput per GPU, of that on the fewest GPUs"),
    ("algorithms", "lines", add_algorithms, "the algorithms of a collective by size"),
    ("compare", "bars", add_compare, "what the iterations of a sweep's rows are made of"),
    ("predicted", "scatter", add_predicted, "predicted against measured"),
)


def read_options(arguments):
    parser = Parser(prog="plot.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind_of_plot", metavar="KIND", required=True, parser_class=Parser)
    for name, module, add, help_text in KINDS:
        kind = kinds.add_parser(name, help=help_text, description=help_text)
        add_common(kind, name)
        add(kind)
        kind.set_defaults(module=module, draw="draw_" + name)
    options = parser.parse_args(arguments)
    options.output = options.output or [options.kind_of_plot + ".png"]
    for path in options.output:
        if ending(path) not in ENDINGS:
            raise Fault("-o %s: expected a name that ends in .png or .svg" % path)
    return options


def picture_of(options):
    """The picture, and the table that it is of."""
    try:
        module = importlib.import_module("plots." + options.module)
    except ModuleNotFoundError as error:
        if error.name not in ("matplotlib", "numpy", "PIL"):
            raise
        raise Fault("%s is missing (Debian: apt-get install python3-matplotlib)" % error.name) from error
    table = Table(options.table)
    table.where(options.where)
    return getattr(module, options.draw)(table, options), table


def main(arguments):
    try:
        options = read_options(arguments)
        picture, table = picture_of(options)
        for path in options.output:
            picture.save(path)
    except Fault as fault:
        print("plot.py: %s" % fault, file=sys.stderr)
        return 2
    if table.left_out:
        print("plot.py: left out %d of %d rows: %s" %
              (sum(table.left_out.values()), table.read, table.what_is_left_out()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
