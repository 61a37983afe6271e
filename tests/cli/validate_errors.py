#!/usr/bin/env python3
"""rehearse validate: studies and tables that are wrong: exit status 2, and where and what in a line for each fault.

Usage: validate_errors.py PROGRAM
"""

from validate_support import COLLECTIVE, KERNEL, TABLE, TRAINING, StudyTest, run_tests


class Errors(StudyTest):
    def test_what_is_wrong_with_a_study(self):
        self.one_error("s.yaml:3: table: no such file: 'none.csv'", COLLECTIVE.replace("t.csv", "none.csv"))
        self.one_error("t.csv: the table has no rows", COLLECTIVE, "gpus,size,us\n")
        self.one_error("t.csv: an empty table", COLLECTIVE, "")
        self.one_error("s.yaml:5: measured.column: unknown column 'us'; did you mean 'ns'?", COLLECTIVE,
                       TABLE.replace("us\n", "ns\n"))
        self.one_error("s.yaml:4: columns.gpus: unknown column 'gpus'; did you mean 'us'? one of: ranks", COLLECTIVE,
                       TABLE.replace("gpus", "ranks"))
        self.one_error("t.csv:4: us: expected a number above 0, found 'n/a'", COLLECTIVE, TABLE.replace("30", "n/a"))
        self.one_error("t.csv:4: us: expected a number above 0, found '0'", COLLECTIVE, TABLE.replace("30", "0"))
        self.one_error("t.csv:4: ranks: ", COLLECTIVE, TABLE.replace("4,64", "four,64"))
        self.one_error("t.csv:4: gpus: an empty cell", COLLECTIVE, TABLE.replace("4,64", ",64"))
        self.one_error("t.csv:4: 2 cells; expected 3", COLLECTIVE, TABLE.replace("4,64", "4"))
        self.one_error("s.yaml:5: measured.unit: unknown unit 'GB/s'", COLLECTIVE.replace("unit: us", "unit: GB/s"))
        self.one_error("s.yaml:5: measured.unit: missing", COLLECTIVE.replace(", unit: us", ""))
        self.one_error("s.yaml:5: measured.is: unknown figure 'busbv'; did you mean 'busbw'?",
                       COLLECTIVE.replace("unit: us", "is: busbv, unit: us"))
        self.one_error("s.yaml:4: columns.size: 'ranks' is set by the column 'gpus' already",
                       COLLECTIVE.replace("key: bytes", "key: ranks").replace(", unit: KiB", ""))
        self.one_error("s.yaml:4: columns.gpus: ranksss: unknown key; did you mean 'ranks'?",
                       COLLECTIVE.replace("gpus: ranks", "gpus: ranksss"))
        self.one_error("s.yaml:6: where.gpu: unknown column 'gpu'; did you mean 'gpus'?",
                       COLLECTIVE + "where: {gpu: 2}\n")
        self.one_error("where: no row of t.csv is left", COLLECTIVE + "where: {gpus: 3}\n")
        self.one_error("s.yaml:6: limit: unknown key; did you mean 'limits'?", COLLECTIVE + "limit: {rows: 1}\n")
        self.one_error("limits.mean_absolute_error: expected a share, e.g. '10 %'",
                       COLLECTIVE + "limits: {mean_absolute_error: 10}\n")
        self.one_error("limits.mean: unknown statistic, part or group 'mean'", COLLECTIVE + "limits: {mean: 10 %}\n")
        self.one_error("missing; expected one of `scenario`, `collective`, `kernel`",
                       COLLECTIVE.replace("collective:", "# "))
        self.one_error("a row is one collective", COLLECTIVE.replace("gpus: ranks, ", ""), TABLE.replace("64", "8:64"))
        self.one_error("--table stands for the table of one study", COLLECTIVE, arguments=["s.yaml", "--table", "t.csv"])
        self.one_error("nowhere.yaml: cannot read", COLLECTIVE, arguments=["nowhere.yaml"])

    def test_what_is_wrong_with_a_training_study(self):
        table = "tp,ms\n2,10\n1,10\n"
        self.one_error("t.csv:2: plan.tensor: expected a whole number, found 'two'", TRAINING,
                       table.replace("2,", "two,"))
        self.one_error("s.yaml:3: columns.tp: plan.tensr: unknown key; did you mean 'tensor'?",
                       TRAINING.replace("plan.tensor", "plan.tensr"), table)
        self.one_error("s.yaml:6: check.ms: 'plan.data_' is no figure and no key", TRAINING +
                       "check: {ms: plan.data_}\n", table)
        self.one_error("s.yaml:1: scenario: unknown column 'size'; one of: tp, ms",
                       TRAINING.replace("small.yaml", "'sc21-{size}b'"), table)
        self.one_error("s.yaml:1: scenario: unknown scenario 'sc21-3b'",
                       TRAINING.replace("small.yaml", "'sc21-{tp}b'"), table.replace("2,", "3,").replace("1,10\n", ""))

    def test_all_faults_at_once(self):
        lines = self.errors(COLLECTIVE.replace("gpus: ranks", "gpu: ranks") + "limits: {rows: none}\n",
                            TABLE.replace("us\n", "ns\n"))
        self.assertEqual(len(lines), 3, lines)

    def test_tables_that_are_wrong(self):
        self.one_error("t.csv:1: two columns are called 'us'", COLLECTIVE, "gpus,size,us,us\n2,64,20,1\n")
        self.one_error("t.csv:3: a quote that is never closed", COLLECTIVE, 'gpus,size,us\n2,64,20\n4,"64,30\n')
        self.one_error("t.csv:2: expected a comma after \"64\"", COLLECTIVE, 'gpus,size,us\n2,"64"0,20\n')
        for value in ("-5", "0", "-0", "nan", "inf", "-inf", "1e999", "20 us", "0x14", " "):
            self.one_error("t.csv:2: us: expected a number above 0, found '%s'" % value, COLLECTIVE,
                           "gpus,size,us\n2,64,%s\n" % value)
        self.one_error("t.csv:1: no comma between column names, but a semicolon", COLLECTIVE, "gpus;size;us\n2;64;20\n")
        self.one_error("t.csv:1: no comma between column names, but a tab", COLLECTIVE, "gpus\tsize\tus\n2\t64\t20\n")
        self.one_error("t.csv:1: a carriage return within a line", COLLECTIVE, "gpus,size,us\r2,64,20\r4,64,30\r")
        self.one_error("t.csv: no table: expected UTF-8 text", COLLECTIVE, TABLE.encode("utf-16"))
        (self.place.path / "folder.csv").mkdir()
        self.one_error("folder.csv: cannot read: Is a directory", COLLECTIVE, arguments=["--table", "folder.csv"])
        self.one_error("folder.csv: cannot read: Is a directory", COLLECTIVE.replace("t.csv", "folder.csv"))
        self.one_error("folder.csv: cannot read: Is a directory", COLLECTIVE, arguments=["folder.csv"])
        self.one_error("none.csv: cannot read: No such file", COLLECTIVE, arguments=["--table", "none.csv"])

    def test_units_of_another_kind(self):
        for unit in ("GB", "TFLOP/s", "uss", "1 us", "%"):
            self.one_error("s.yaml:5: measured.unit: unknown unit '%s': expected e.g. '3 us'" % unit,
                           COLLECTIVE.replace("unit: us", "unit: '%s'" % unit))
        self.one_error("s.yaml:5: measured.unit: 'samples_per_gpu_s' has no unit", TRAINING.replace(
            "unit: ms", "is: samples_per_gpu_s, unit: us"), "tp,ms\n2,10\n")
        self.one_error("measured.factor: expected more than zero, found '0'",
                       COLLECTIVE.replace("unit: us", "unit: us, factor: 0"))
        self.one_error("columns.size.factor: expected more than zero, found '-2'",
                       COLLECTIVE.replace("unit: KiB", "factor: -2"))

    def test_studies_and_scenarios_that_are_not_there(self):
        study = TRAINING.replace("small.yaml", "none.yaml")
        self.one_error("s.yaml:1: scenario: no such file: 'none.yaml'", study, "tp,ms\n2,10\n1,10\n")
        self.one_error("s.yaml:1: scenario: unknown scenario 'quickstrt'; did you mean 'quickstart'?",
                       TRAINING.replace("small.yaml", "quickstrt"), "tp,ms\n2,10\n1,10\n")
        for again in ("s.yaml", "./s.yaml", "../%s/s.yaml" % self.place.path.name):
            self.one_error(again + ": given twice", COLLECTIVE, arguments=[again])
        self.one_error("--jobs: Value 0 not in range 1 to 4096", COLLECTIVE, arguments=["--jobs", "0"])

    def test_parts_have_names_of_their_own(self):
        self.one_error("s.yaml:6: parts.1.name: a part needs a name of its own", COLLECTIVE +
                       "parts: [{name: a}, {name: a}]\n")
        self.one_error("s.yaml:6: parts.0.name: a part needs a name of its own", COLLECTIVE + "parts: [{name: all}]\n")

    def test_what_cells_mean(self):
        def study(gpus):
            return COLLECTIVE.replace("gpus: ranks", "gpus: " + gpus)
        self.one_error("t.csv:4: gpus: unknown value '4'; one of: 2, 8", study("{key: ranks, values: {2: 2, 8: 8}}"))
        self.one_error("values.2: expected a mapping of keys to values, as the column has no `key`",
                       study("{values: {2: 2}}"))
        self.one_error("values.2: expected a value of 'ranks'", study("{key: ranks, values: {2: {ranks: 2}}}"))
        self.one_error("columns.size: 'bytes' is set by the column 'gpus' already",
                       study("{values: {2: {ranks: 2}, 4: {ranks: 4, bytes: 3}}}"))
        self.one_error("s.yaml:4: ranks: expected a number of ranks", study(
            "{values: {2: {ranks: two}, 4: {ranks: 4}, 8: {ranks: 8}}}"))
        self.one_error("s.yaml:4: columns.gpus: unknown value '3'; one of: 2", study("{values: {2: {ranks: 2}}}"),
                       "gpus,size,us\n3,1,1\n3,2,1\n")
        self.one_error("s.yaml:4: columns.gpus: expected the key that the cells are values of", study("''"))
        self.one_error("s.yaml:4: columns.gpus.key: missing", study("{unit: KiB}"))

    def test_what_is_wrong_with_kernels(self):
        table = "rows,k,type,us\n64,64,bf16,5\n64,64,bf16,5\n"
        self.one_error("t.csv:3: precision: unknown precision 'bf15'; did you mean 'bf16'?", KERNEL,
                       table.replace("5\n64,64,bf16", "5\n64,64,bf15"))
        self.one_error("t.csv:3: gemm.k: expected at least 1, found 0", KERNEL,
                       table.replace("5\n64,64", "5\n64,0"))
        self.one_error("s.yaml:1: device: unknown device 'h100'", KERNEL.replace("h100-80gb-sxm", "h100"), table)
        self.one_error("s.yaml:3: columns.k: gemm.kk: unknown key; did you mean 'k'?",
                       KERNEL.replace("gemm: {n: 512}", "gemm: {n: 512, k: 1}").replace("gemm.k,", "gemm.kk,"), table)
        self.one_error("s.yaml:1: kernel: expected a mapping: {device: h100-80gb-sxm",
                       KERNEL.replace("{device: h100-80gb-sxm, gemm: {n: 512}}", "h100-80gb-sxm"), table)
        self.one_error("measured.is: unknown figure 'mfu'; one of: time, tflops",
                       KERNEL.replace("unit: us", "is: mfu"), table)
        self.one_error("expected one of them alone; found `collective`, `kernel`", KERNEL + "collective: {ranks: 2}\n",
                       table)


if __name__ == "__main__":
    run_tests()
