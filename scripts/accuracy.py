#!/usr/bin/python3
"""Run all studies of tests/validation/ and write what comes out of it into the documents.

Usage: accuracy.py [--program FILE] [--results FILE.json] [--check]

Writes the sections between <!-- accuracy:begin NAME --> and <!-- accuracy:end NAME --> of docs/accuracy.md,
docs/validate.md and README.md, and the pictures docs/accuracy-*.png and docs/plot-predicted.png by scripts/plot.py.
Says which of the worst rows have no explanation in tests/validation/explanations.json. --results takes what `rehearse
validate tests/validation/*.yaml --json` wrote instead of running it. --check writes nothing and says which sections are
not what they would be (pictures are not compared: they depend on the version of matplotlib).

Exit status: 0; 1 where --check finds a difference; 2 where something is missing. Needs matplotlib and numpy (Debian:
python3-matplotlib).
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import accuracy_sections as sections
from accuracy_sections import ROOT

WORST, WORST_OF_EACH, FEW = 10, 2, 15  # rows
TRAINING, COLLECTIVES, KERNELS = ("training",), ("collectives",), ("kernels", "memory")
PICTURES = {"docs/accuracy-training.png": TRAINING, "docs/accuracy-collectives.png": COLLECTIVES,
            "docs/accuracy-kernels.png": KERNELS, "docs/plot-predicted.png": sections.KINDS}


class Stop(Exception):
    """Something that the user has to change, as one line."""


def run(command, **options):
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, **options)
    if done.returncode == 2:
        raise Stop(done.stderr.strip())
    return done.stdout


def simulate(program):
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/validation").glob("*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        run([program, "validate", *files, "-q", "--json", str(file)])
        return file.read_text(encoding="utf-8")


def texts(studies):
    """What stands in each section, by file and name."""
    explanations = sections.Explanations()
    worst = sections.worst_rows(studies, WORST)
    each = sections.worst_of_each(studies, WORST_OF_EACH)
    return {"docs/accuracy.md": {"summary": sections.summary(studies), "groups": sections.groups(studies),
                                 "worst": sections.worst_table(worst, explanations),
                                 "worst-of-each": sections.worst_table(each, explanations),
                                 "cannot-run": sections.cannot_run(studies), "small": sections.small(studies, FEW),
                                 "fitted": sections.fitted(), "structure": sections.structure()},
            "docs/validate.md": {"studies": sections.all_studies(studies)},
            "README.md": {"summary": sections.readme(studies)}}


def unexplained(studies):
    explanations = sections.Explanations()
    rows = [*sections.worst_rows(studies, WORST), *sections.worst_of_each(studies, WORST_OF_EACH)]
    return list(dict.fromkeys("%s: %s (%s)" % (one.study.name, one.label, sections.signed(one.row["error"]))
                              for one in rows if explanations.of(one) == sections.UNEXPLAINED))


def replaced(file, text, name, section):
    begin, end = ("<!-- accuracy:%s %s -->" % (what, name) for what in ("begin", "end"))
    found = re.findall(re.escape(begin) + r"\n.*?" + re.escape(end), text, re.DOTALL)
    if len(found) != 1:
        raise Stop("%s: expected one section between '%s' and '%s', found %d" % (file, begin, end, len(found)))
    return text.replace(found[0], "%s\n%s\n%s" % (begin, section, end))


def update(documents, check):
    """The sections that were not what they should be; they are then, unless it is a check."""
    stale = []
    for file, of_file in documents.items():
        path = ROOT / file
        text = path.read_text(encoding="utf-8")
        for name, section in of_file.items():
            new = replaced(file, text, name, section)
            if new != text:
                stale.append("%s: %s" % (file, name))
            text = new
        if not check:
            path.write_text(text, encoding="utf-8")
    return stale


def draw(results, studies):
    for file, kinds in PICTURES.items():
        names = {study.name for study in studies if study.kind in kinds}
        chosen = {**results, "studies": [study for study in results["studies"] if study["name"] in names]}
        run([sys.executable, str(ROOT / "scripts/plot.py"), "predicted", "-", "-o", file], input=json.dumps(chosen))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/rehearse"))
    parser.add_argument("--results", metavar="FILE.json")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    try:
        file = options.results
        results = json.loads(pathlib.Path(file).read_text(encoding="utf-8") if file else simulate(options.program))
        studies = [sections.Study(result) for result in results["studies"]]
        stale = update(texts(studies), options.check)
        if not options.check:
            draw(results, studies)
    except (Stop, OSError) as fault:
        print("accuracy.py: %s" % fault, file=sys.stderr)
        return 2
    for name in stale:
        print("%s: %s" % ("is not up to date" if options.check else "written", name))
    for row in unexplained(studies):
        print("no explanation: %s" % row)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
