#!/usr/bin/env python3
"""scripts/check_includes.py on made-up trees: it passes what is right, and it can fail."""

import contextlib
import importlib.util
import io
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "check_includes.py"
_spec = importlib.util.spec_from_file_location("check_includes", SCRIPT)
check_includes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_includes)

RIGHT = {
    "engine/base/units.hpp": "#pragma once\n#include <vector>\n",
    "engine/base/yaml.cpp": '#include <yaml-cpp/parser.h>\n#include "engine/base/units.hpp"\n#include "units.hpp"\n',
    "engine/schedule.cpp": '#include "engine/base/units.hpp"\n// #include "cli/app.hpp"\n',
    "engine/replay_flows.cpp": "#include <simgrid/s4u.hpp>\n#include <xbt/log.h>\n",
    "engine/replay/zone.cpp": "#include <simgrid/kernel/routing/NetZoneImpl.hpp>\n",
    "topologies/fat_tree.cpp": "#include <boost/graph/adjacency_list.hpp>\n",
    "platforms/cluster_network.cpp": '#include <boost/graph/adjacency_list.hpp>\n#include "engine/base/units.hpp"\n',
    "platforms/calibrate/gemm.cu": "#include <cuda_runtime.h>\n#include <cublas_v2.h>\n",
    "workloads/execution/mpi.cpp": "#include <mpi.h>\n",
    "workloads/proof/tensors.hpp": "#pragma once\n#include <Eigen/Core>\n",
    "workloads/plan.cpp": '#include "platforms/device.hpp"\n#include <fmt/format.h>\n',
    "reports/trace.cpp": "#include <protozero/pbf_writer.hpp>\n#include <nlohmann/json.hpp>\n",
    "cli/app.hpp": "#pragma once\n",
    "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "reports/trace.hpp"\n#include "engine/base/units.hpp"\n',
    "tests/unit/all.cpp": '#include <simgrid/s4u.hpp>\n#include "cli/app.hpp"\n',
}


def check(files):
    """Exit status and lines of the check on a tree of these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            status = check_includes.main([folder])
        return status, printed.getvalue().splitlines()


class CheckIncludes(unittest.TestCase):
    def test_right_tree_passes(self):
        self.assertEqual(check(RIGHT), (0, []))

    def test_each_wrong_include_fails(self):
        wrong = [
            ("engine/schedule.hpp", '#include "topologies/x.hpp"'),
            ("topologies/x.cpp", '#include "platforms/x.hpp"'),
            ("platforms/x.cpp", '#include "workloads/x.hpp"'),
            ("workloads/x.cpp", '#include "scenarios/x.hpp"'),
            ("scenarios/x.cpp", '#include <reports/x.hpp>'),
            ("reports/x.cpp", '  #  include "cli/app.hpp"'),
            ("reports/deep/x.cpp", '#include "../../cli/app.hpp"'),
            ("cli/x.cpp", '#include "tests/unit/all.cpp"'),
            ("engine/base/x.hpp", '#include "engine/schedule.hpp"'),
            ("engine/base/deep/x.hpp", '#include "../../schedule.cpp"'),
            ("engine/schedule_text.cpp", "#include <simgrid/s4u.hpp>"),
            ("workloads/x.cpp", "#include <xbt/log.h>"),
            ("engine/graph.cpp", "#include <boost/graph/adjacency_list.hpp>"),
            ("platforms/node.cpp", "#include <boost/graph/adjacency_list.hpp>"),
            ("engine/base/x.hpp", "#include <yaml-cpp/yaml.h>"),
            ("scenarios/x.cpp", "#include <yaml-cpp/yaml.h>"),
            ("platforms/device.cpp", "#include <cuda_runtime.h>"),
            ("workloads/execution/threads.cpp", "#include <mpi.h>"),
            ("reports/x.cpp", "#include <CLI/CLI.hpp>"),
            ("workloads/execution/x.cpp", "#include <Eigen/Core>"),
            ("engine/x.cpp", "#include <protozero/pbf_writer.hpp>"),
            ("scenarios/x.cpp", "#include <nlohmann/json.hpp>"),
        ]
        for name, include in wrong:
            with self.subTest(file=name, include=include):
                status, lines = check({**RIGHT, name: f"#pragma once\n{include}\n"})
                self.assertEqual(status, 1)
                self.assertEqual(len(lines), 1, lines)
                self.assertTrue(lines[0].startswith(f"{name}:2: "), lines)

    def test_every_violation_has_a_line(self):
        status, lines = check({**RIGHT, "engine/x.cpp": '#include "cli/app.hpp"\n#include <vector>\n#include <CLI/CLI.hpp>\n'})
        self.assertEqual(status, 1)
        self.assertEqual([line.split(": ")[0] for line in lines], ["engine/x.cpp:1", "engine/x.cpp:3"])

    def test_a_tree_without_sources_is_an_error(self):
        self.assertEqual(check({"README.md": ""})[0], 2)


if __name__ == "__main__":
    unittest.main()
