#!/usr/bin/env python3
"""Bad command lines, scenarios and plans: exit status, message with its place, nothing half written.

Usage: bad_input.py PROGRAM. Exit status: 0 all as expected; 1 not.
"""

import concurrent.futures
import os
import sys

from support import CRASH, SMALL, Workplace

BAD, CANNOT_RUN = 2, 3
MODEL = "{layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}"


# Two jobs that leave no GPU free.
JOBS = f"""\
cluster: {{node: dgx-a100, nodes: 1}}
jobs:
  - model: {MODEL}
    plan: {{tensor: 2, data: 2, global_batch: 8}}
  - model: {MODEL}
    plan: {{tensor: 2, data: 2, global_batch: 8}}
    name: second
"""


def edited(*changes, text=SMALL):
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def scenario(name, content, status, *messages):
    """A case: small.yaml's place is taken by `content`; the messages, one for each line of standard error."""
    return name, content, ["run", "case.yaml"], status, messages


def setting(text, status, *messages):
    return f"--set {text}", None, ["run", "small.yaml", "--set", text], status, messages


def command(arguments, *messages):
    return "rehearse " + " ".join(arguments), None, arguments, BAD, messages


SCENARIOS = [
    scenario("a misspelt key", edited(("tensor:", "tenzor:")), BAD,
             "case.yaml:7: plan.tenzor: unknown key; did you mean 'tensor'?"),
    scenario("two faults at once",
             edited(("heads: 8", "heds: 8"), ("tensor:", "tenzor:"), ("global_batch: 8", "x: 1")), BAD,
             "case.yaml:2: model.heads: missing; expected a whole number",
             "case.yaml:2: model.heds: unknown key; did you mean 'heads'?",
             "case.yaml:6: plan.global_batch: missing; expected a whole number",
             "case.yaml:7: plan.tenzor: unknown key; did you mean 'tensor'?", "case.yaml:9: plan.x: unknown key"),
    scenario("faults of every section", edited((MODEL, "gpt3-175"),
                                               ("dgx-a100", "dgx-b100"), ("tensor:", "tenzor:")), BAD,
             "case.yaml:2: model: unknown model 'gpt3-175'; did you mean 'gpt3-175b'?",
             "case.yaml:4: cluster.node: unknown node 'dgx-b100'; did you mean 'dgx-",
             "case.yaml:7: plan.tenzor: unknown"),
    scenario("a missing unit", edited(("global_batch: 8", "global_batch: 8\n  bucket_size: 5")), BAD,
             "case.yaml:10: plan.bucket_size: missing unit: expected e.g. '80 GiB'"),
    scenario("an unknown unit", edited(("global_batch: 8", "global_batch: 8\n  bucket_size: 5 GX")), BAD,
             "case.yaml:10: plan.bucket_size: unknown unit 'GX'"),
    scenario("a negative size", edited(("global_batch: 8", "global_batch: 8\n  bucket_size: -5 MB")), BAD,
             "case.yaml:10: plan.bucket_size: expected a size of at least 0 B"),
    scenario("no nodes", edited(("nodes: 1", "nodes: 0")), BAD,
             "case.yaml:5: cluster.nodes: expected at least 1, found 0"),
    scenario("not YAML", edited(("seq_len: 256}", "seq_len: 256")), BAD, "case.yaml:3: not YAML: "),
    scenario("a tab", "name: x\n\tmodel: 3\n", BAD, "case.yaml:2: not YAML: illegal tab"),
    scenario("a key that stands twice", edited(("tensor: 2", "tensor: 2\n  tensor: 4")), BAD,
             "case.yaml:8: plan.tensor: this key stands twice; first in line 7"),
    scenario("a list where a mapping is due",
             edited(("  tensor: 2\n  pipeline: 2\n  global_batch: 8", "  - tensor: 2")), BAD,
             "case.yaml:6: plan: expected a mapping with the key 'tensor', found a list"),
    scenario("a text where a mapping is due", "hello\n", BAD,
             "case.yaml:1: expected a mapping with the key 'name', found 'hello'"),
    scenario("a list as a scenario", "- a\n- b\n", BAD,
             "case.yaml:1: expected a mapping with the key 'name', found a list"),
    scenario("an empty file", "", BAD, "case.yaml: cluster: missing", "case.yaml: model: missing",
             "case.yaml: plan: missing"),
    scenario("two documents", SMALL + "---\n" + SMALL, BAD, "case.yaml:10: a second document"),
    scenario("zeros", bytes(100_000), BAD, "case.yaml:1: not YAML"),
    scenario("a binary", bytes((i * i * 31 + i * 7 + 3) % 256 for i in range(3000)), BAD, "case.yaml:1: "),
    scenario("every byte", bytes(range(256)) * 20, BAD, "case.yaml:1: "),
    scenario("control characters", b"name: x\nplan: \"\\e[31m\\a\"\n", BAD, "case.yaml:1: cluster: missing",
             "case.yaml:1: model: missing",
             "case.yaml:2: plan: expected a mapping with the key 'tensor', found '?[31m?'"),
    scenario("heads that do not divide", edited(("heads: 8", "heads: 7")), BAD,
             "case.yaml:2: model.heads: hidden 512 does not divide by 7 heads; give head_dim, or heads that divide it"),
    scenario("a base that is not there", "base: sc20\n", BAD,
             "case.yaml:1: unknown scenario 'sc20'; did you mean 'sc21'?"),
    scenario("layers that do not divide", edited(("layers: 4", "layers: 5")), CANNOT_RUN,
             "case.yaml:8: plan.pipeline: 5 layers do not divide by pipeline 2 x virtual_stages 1 = 2"),
    scenario("degrees for other GPUs", edited(("tensor: 2", "tensor: 2\n  data: 3")), CANNOT_RUN,
             "case.yaml:8: plan.data: tensor 2 x pipeline 2 x data 3 = 12 GPUs, but the cluster has 8",
             "case.yaml:10: plan.global_batch: 8 does not divide by micro_batch 1 x data 3 = 3"),
    scenario("an empty list of jobs", "cluster: {node: dgx-a100, nodes: 1}\njobs: []\n", BAD,
             "case.yaml:2: jobs: expected at least one job, such as {model: gpt3-175b, plan: {...}}"),
    scenario("jobs that are no list", "cluster: {node: dgx-a100, nodes: 1}\njobs: {model: gpt3-125m}\n", BAD,
             "case.yaml:2: jobs: expected a list, found a mapping"),
    scenario("a job that is no mapping", "cluster: {node: dgx-a100, nodes: 1}\njobs:\n  - gpt3-125m\n", BAD,
             "case.yaml:3: jobs.0: expected a mapping with the key 'name', found 'gpt3-125m'"),
    scenario("jobs beside a plan", JOBS + "plan: {tensor: 2, global_batch: 8}\nfidelity: flow\n", BAD,
             "case.yaml:8: plan: `jobs` says what runs; write this key in each of them",
             "case.yaml:9: fidelity: `jobs` says what runs; write this key in each of them"),
    scenario("a framework and a model beside jobs", JOBS + "framework: ideal\nmodel: gpt3-125m\n", BAD,
             "case.yaml:8: framework: `jobs` says what runs; write this key in each of them",
             "case.yaml:9: model: `jobs` says what runs; write this key in each of them"),
    scenario("a framework that is a list", SMALL + "framework: [ideal]\n", BAD,
             "case.yaml:10: framework: expected the name of a framework, or a mapping (with a `base` to start from one)"),
    scenario("faults of a framework",
             SMALL + "framework:\n  base: ideal\n  host: {forward: -1 us, forwards: 1 us}\n  iteration: 3\n"
             "  kernels: {softmax: -1}\n  accumulation: none\n  eager: {autocast: true}\n", BAD,
             "case.yaml:12: framework.host.forward: expected zero or more",
             "case.yaml:12: framework.host.forwards: unknown key; did you mean 'forward'?",
             "case.yaml:13: framework.iteration: missing unit: expected e.g. '3 us'",
             "case.yaml:14: framework.kernels.softmax: expected at least 0, found -1",
             "case.yaml:15: framework.accumulation: unknown way to add up gradients 'none'; one of: free, separate, fused",
             "case.yaml:16: framework.eager.autocast: has a meaning with `separate: true` only"),
    scenario("a job's framework that is not there", edited(("    name: second", "    framework: ideel"), text=JOBS), BAD,
             "case.yaml:7: jobs.1.framework: unknown framework 'ideel'; did you mean 'ideal'?"),
    scenario("a misspelt key in a job", edited(("    name: second", "    nome: second"), text=JOBS), BAD,
             "case.yaml:7: jobs.1.nome: unknown key; did you mean 'name'?"),
    scenario("a misspelt key in a job's plan", edited(("tensor: 2, data", "tenzor: 2, data"), text=JOBS), BAD,
             "case.yaml:4: jobs.0.plan.tenzor: unknown key; did you mean 'tensor'?",
             "case.yaml:6: jobs.1.plan.tenzor: unknown key; did you mean 'tensor'?"),
    scenario("a job's model that is not there", edited(("- model: " + MODEL, "- model: gpt3-175"), text=JOBS), BAD,
             "case.yaml:3: jobs.0.model: unknown model 'gpt3-175'; did you mean 'gpt3-175b'?",
             "case.yaml:5: jobs.1.model: unknown model 'gpt3-175'; did you mean 'gpt3-175b'?"),
    scenario("times of a job", edited(("    name: second", "    start: -1 s\n    iterations: 0"), text=JOBS), BAD,
             "case.yaml:7: jobs.1.start: expected zero or more",
             "case.yaml:8: jobs.1.iterations: expected at least 1, found 0"),
    scenario("too many iterations", edited(("    name: second", "    start: 3\n    iterations: 1001"), text=JOBS), BAD,
             "case.yaml:7: jobs.1.start: missing unit: expected e.g. '3 us'",
             "case.yaml:8: jobs.1.iterations: expected at most 1000, found 1001"),
    scenario("GPUs that another job has",
             edited(("    name: second", "    placement: {gpus: [4-6, 3]}"), text=JOBS), BAD,
             "case.yaml:7: jobs.1.placement: GPU 3 is taken: another job has it"),
    scenario("faults of placement", edited(("    name: second", "    placement: {policy: sprad, unit: rack, seed: 1}"),
                                           text=JOBS), BAD,
             "case.yaml:7: jobs.1.placement.policy: unknown placement 'sprad'; did you mean 'spread'?",
             "case.yaml:7: jobs.1.placement.unit: unknown unit of placement 'rack'; one of: node, gpu",
             "case.yaml:7: jobs.1.placement.seed: only `policy: random` has a seed"),
    scenario("a job too many", JOBS + f"  - {{model: {MODEL}, plan: {{global_batch: 8}}}}\n", CANNOT_RUN,
             "case.yaml:8: jobs.2.plan: the plan needs 1 GPUs, but of the cluster's 8 only 0 are free"),
    scenario("a job too large", edited(("tensor: 2, data: 2, global_batch: 8}\n    name",
                                        "tensor: 4, data: 2, global_batch: 8}\n    name"), text=JOBS), CANNOT_RUN,
             "case.yaml:6: jobs.1.plan: the plan needs 8 GPUs, but of the cluster's 8 only 4 are free"),
    scenario("a job's plan that does not divide", edited(("data: 2, global_batch: 8}\n    name",
                                                          "data: 2, global_batch: 7}\n    name"), text=JOBS), CANNOT_RUN,
             "case.yaml:6: jobs.1.plan.global_batch: 7 does not divide by micro_batch 1 x data 2 = 2"),
    scenario("a placement for other GPUs", SMALL + "placement: {gpus: [0-7, 8]}\n", BAD,
             "case.yaml:10: placement: expected one GPU for each of the plan's "),
    scenario("a node type that is not there, in a group",
             edited(("  node: dgx-a100\n  nodes: 1", "  groups:\n    - {node: dgx-a100, nodes: 1}\n"
                     "    - {node: dgx-h10, nodes: 1}")), BAD,
             "case.yaml:6: cluster.groups.1.node: unknown node 'dgx-h10'; did you mean 'dgx-h100'?"),
    scenario("groups of nodes beside a node", edited(("nodes: 1", "nodes: 1\n  groups: [{node: dgx-h100, nodes: 1}]")),
             BAD, "case.yaml:6: cluster.groups: stands beside `node`; leave out one or the other",
             "case.yaml:6: cluster.groups: stands beside `nodes`; leave out one or the other"),
    scenario("a degraded link that is not there",
             edited(("nodes: 1", "nodes: 1\n  degradation: [{link: node0/gpu0/nvlnk/up, down: true}]")), BAD,
             "case.yaml:6: cluster.degradation.0.link: no link of the cluster matches 'node0/gpu0/nvlnk/up'; did you mean "
             "'node0/gpu0/nvlink/up'?"),
    scenario("two things degraded as one",
             edited(("nodes: 1", "nodes: 1\n  degradation:\n    - {gpu: 1, slowdown: 2}\n"
                     "    - {node: 0, gpu: 3, slowdown: 2}")), BAD,
             "case.yaml:8: cluster.degradation.1: expected one of link, switch, node and gpu: what is degraded"),
    scenario("a node that is down under a plan that fills the cluster",
             edited(("nodes: 1", "nodes: 2\n  degradation: [{node: 1, down: true}]"), ("tensor: 2", "tensor: 4\n  data: 2")),
             CANNOT_RUN, "case.yaml:7: plan: the plan needs 16 GPUs, but of the cluster's 16 only 8 are free"),
    scenario("a node that goes down during the run",
             edited(("nodes: 1", "nodes: 1\n  degradation: [{node: 0, down: true, from: 1 ms}]")), CANNOT_RUN,
             "cut off: from 1 ms on node0 is down, with a GPU of the job"),
    scenario("rails that are cut off",
             edited(("nodes: 1", "nodes: 2\n  fabric: {topology: rail_optimized, spine: false}\n"
                     "  degradation: [{link: 'node1/nic*/up', down: true}]")), CANNOT_RUN,
             "cut off: there is no way from node0/gpu0 to node1/gpu0"),
    scenario("heads that do not divide by tensor", edited(("heads: 8", "heads: 6, head_dim: 64"), ("tensor: 2", "tensor: 4")),
             CANNOT_RUN, "case.yaml:7: plan.tensor: 6 heads do not divide by 4", "6 KV heads do not divide by 4"),
    scenario("experts that do not divide",
             edited(("heads: 8", "heads: 8, experts: {count: 6, per_token: 2, ffn: 512}"),
                    ("pipeline: 2", "pipeline: 1\n  expert: 4")),
             CANNOT_RUN, "plan.expert: 6 experts do not divide by 4"),
    scenario("a convolutional network over tensor ranks", edited((MODEL, "resnet-50")), CANNOT_RUN,
             "plan.tensor: 'resnet-50' is no transformer; expected 1, found 2"),
    scenario("a plan that does not fit", edited((MODEL,
                                                 "gpt3-175b")), CANNOT_RUN,
             "case.yaml:6: plan: stage 0 does not fit in memory: weights 81.6", "no change of one key alone makes it fit"),
]

SETTINGS = [
    setting("plan.tensor", BAD,
            "--set plan.tensor: no '='; expected KEY=VALUE with a dotted key, e.g. 'plan.tensor=4'"),
    setting("=3", BAD, "--set =3: an empty key"),
    setting("plan.tensor=", BAD, "plan.tensor: no value"),
    setting("plan.tenzor=2", BAD, "--set plan.tenzor=2: plan.tenzor: unknown key; did you mean 'tensor'?"),
    setting("a.b.c=1", BAD, "a: unknown key; the scenario takes here: name, description, cluster, jobs, iterations, model, framework, placement"),
    setting("plan.tensor=[1", BAD, "plan.tensor: not YAML"),
    setting("plan.tensor={a: 1}", BAD, "plan.tensor: expected a whole number, found a mapping"),
    setting("plan.tensor=2.5", BAD, "plan.tensor: expected a whole number, found '2.5'"),
    setting("plan.tensor=nan", BAD, "plan.tensor: expected a whole number, found 'nan'"),
    setting("plan.sequence_parallel=yes", BAD, "plan.sequence_parallel: expected true or false, found 'yes'"),
    setting("plan.schedule=1fb1", BAD, "plan.schedule: unknown pipeline schedule '1fb1'; did you mean '1f1b'?"),
    setting("model=gpt3-175", BAD, "model: unknown model 'gpt3-175'; did you mean 'gpt3-175b'?"),
    setting("framework=megatron-lm-2022", BAD, "framework: unknown framework 'megatron-lm-2022'; did you mean 'megatron-lm-202"),
    setting("framework.host.forward=-1 us", BAD, "framework.host.forward: expected zero or more"),
    setting("framework.sharding=-1 GB/s", BAD, "framework.sharding: expected zero or more"),
    setting("cluster=selena", BAD, "cluster: unknown cluster 'selena'; did you mean 'selene'?"),
    setting("cluster.node.device=a100-80gb-sxn", BAD, "unknown device 'a100-80gb-sxn'; did you mean 'a100-80gb-sxm'?"),
    setting("cluster.node.nic.bandwidth=25", BAD, "cluster.node.nic.bandwidth: missing unit: expected e.g. '600 GB/s'"),
    setting("cluster.node.nic.bandwidth=nan GB/s", BAD, "'nan GB/s' is not a quantity"),
    setting("cluster.node.nic.bandwidth=1e400 GB/s", BAD, "'1e400 GB/s' is out of range"),
    setting("cluster.node.nic.efficiency=NaN", BAD, "cluster.node.nic.efficiency: expected a number, found 'NaN'"),
    setting("cluster.node.nic.efficiency=1.5", BAD, "cluster.node.nic.efficiency: expected at most 1"),
    setting("cluster.node.device.memory.capacity=0 GB", BAD, "memory.capacity: expected more than zero, found '0 GB'"),
    setting("collectives.all_reduce=tre", BAD, "collectives.all_reduce: unknown all_reduce algorithm 'tre'"),
    setting("fidelity=exact", BAD, "fidelity: unknown fidelity 'exact'; one of: auto, flow, fluid"),
    setting("plan.zero=4", BAD, "plan.zero: expected 0, 1, 2 or 3, found 4"),
    setting("plan.stages=evn", BAD, "plan.stages: unknown way to deal out layers 'evn'; did you mean 'even'?"),
    setting("plan.stages=[2, x]", BAD, "plan.stages.1: expected a whole number, found 'x'"),
    setting("plan.optimizer=adan", BAD, "plan.optimizer: unknown optimizer 'adan'; did you mean 'adam'?"),
    setting("plan.allocator=cashing", BAD, "plan.allocator: unknown allocator 'cashing'; did you mean 'caching'?"),
    setting("model.experts={count: 8, per_token: 9, ffn: 64}", BAD, "model.experts.per_token: "),
    setting("model.kind=cnn", BAD, "model.kind: unknown kind of model 'cnn'"),
    setting("iterations=0", BAD, "iterations: expected at least 1, found 0"),
    # Numbers that no machine has. 2^62 x 2 and 2^32 x 2^32 wrap round to 0 in 64 bits.
    setting("plan.tensor=99999999999999999999", BAD, "plan.tensor: expected a whole number"),
    setting("plan.tensor=4611686018427387904", BAD, "plan.tensor: expected at most 1048576"),
    setting("cluster.nodes=1000000000", BAD, "cluster.nodes: expected at most 131072 nodes of this type"),
    setting("model.layers=1000000", BAD, "model.layers: expected at most 10000"),
    setting("model.vocab=9223372036854775807", BAD, "model.vocab: expected at most"),
    setting("model={layers: 9999, hidden: 1000000, heads: 1000000, head_dim: 1000000, vocab: 1, seq_len: 1}", BAD,
            "model: a model of 4e+22 parameters; expected at most 1e+15"),
    setting("plan.global_batch=1000000000", CANNOT_RUN,
            "plan.global_batch: 500000000 micro batches of 4 layers; expected at"),
    setting("model.seq_len=100000000", CANNOT_RUN,
            "small.yaml:6: plan.micro_batch: 1 sequences of 100000000 tokens are more"),
    setting("plan.bucket_size=1 B", CANNOT_RUN,
            "plan.bucket_size: 1 B make 3316480 buckets of a GPU's gradients; expected"),
    setting("plan.tensor=8", CANNOT_RUN,
            "small.yaml:6: plan.data: tensor 8 x pipeline 2 x data 1 = 16 GPUs, but the cluster"),
    setting("plan.precision=fp8", CANNOT_RUN,
            "plan.precision: the device a100-80gb-sxm has no fp8; it has fp32, tf32, fp16, bf16"),
    setting("plan.context=3", CANNOT_RUN,
            "plan.data: tensor 2 x context 3 x pipeline 2 x data 1 = 12 GPUs, but the cluster has 8",
            "plan.context: 256 tokens of a sequence do not divide by 6",
            "plan.context_exchange: a ring needs a fused kernel; expected `attention: flash`, or `all_gather` here"),
    setting("plan.expert=2", CANNOT_RUN, "plan.expert: the model has no experts; expected 1"),
    setting("plan.stages=[1, 2]", CANNOT_RUN, "plan.stages: 3 layers in all, but the model has 4"),
    setting("plan.stages=[1, 1, 2]", CANNOT_RUN, "plan.stages: 3 numbers of layers; expected one for each of 2"),
    setting("plan.shard=2", CANNOT_RUN, "plan.shard: nothing is sharded with zero 0; expected zero 1, 2 or 3"),
    setting("plan.micro_batch=3", CANNOT_RUN, "plan.global_batch: 8 does not divide by micro_batch 3 x data 2 = 6"),
    setting("plan={schedule: dualpipe, pipeline: 4, data: 2, global_batch: 8}", CANNOT_RUN, "plan.schedule: dualpipe needs at least 2 x pipeline = 8 micro batches, not 4"),
    setting("plan.virtual_stages=2", CANNOT_RUN, "plan.schedule: 1f1b has one chunk a stage; virtual_stages 2 needs"),
]

RUN = ["run", "small.yaml"]
COMMANDS = [
    command([], "A subcommand is required (see rehearse --help)"),
    command(["runn", "small.yaml"], "unknown command 'runn'; did you mean 'run'? one of: run, "),
    command(["--nope"], "unknown option '--nope'; one of: --help, -h, --version (see rehearse --help)"),
    command(["run"], "scenario is required (see rehearse run --help)"),
    command([*RUN, "--sett", "plan.tensor=2"], "unknown option '--sett'; did you mean '--set'?"),
    command([*RUN, "more"], "The following argument was not expected: more"),
    command([*RUN, "--csv"], "--csv: 1 required"),
    command([*RUN, "--csv", ""], "--csv: expected a file name, found nothing"),
    command([*RUN, "--csv", "nowhere/out.csv"], "cannot write 'nowhere/out.csv': there is no folder"),
    command([*RUN, "--csv", "."], "cannot write '.': it is a directory"),
    command([*RUN, "--csv", "small.yaml/out.csv"], "cannot write 'small.yaml/out.csv': there is no folder"),
    command([*RUN, "--csv", "/dev/full"], "cannot write '/dev/full': No space left on device"),
    command([*RUN, "--json", "-", "--csv", "-"], "only one of --json, --csv and --trace can go to standard output"),
    command(["run", "/proc/self/mem"], "/proc/self/mem: cannot read: Input/output error"),
    command(["run", "nowhere.yaml"], "no such file: 'nowhere.yaml'"),
    command(["run", "."], "'.' is a directory; expected a YAML file or the name of a scenario"),
    command(["run", "folder.yaml"], "'folder.yaml' is a directory; expected a YAML file"),
    command(["run", "quickstar"], "unknown scenario 'quickstar'; did you mean 'quickstart'?"),
    command(["run", ""], "unknown scenario ''"),
    command(["list"], "what is required"),
    command(["list", "model"], "unknown catalogue 'model'; did you mean 'models'?"),
]


def check(program, case):
    """What is wrong with what the program does; empty: nothing."""
    _, content, arguments, status, messages = case
    with Workplace(program) as place:
        if content is not None:
            place.write("case.yaml", content)
        (place.path / "folder.yaml").mkdir()
        place.write("out.json", "before")
        if arguments[:1] == ["run"] and not any(a.startswith(("--json", "--csv")) for a in arguments):
            arguments = [*arguments, "--json", "out.json"]
        before = place.files()
        found, out, err = place.run(*arguments)
        wrong = [] if place.files() == before else ["files were changed or left behind"]
    lines = err.splitlines()
    if found != status:
        wrong.append(f"exit status {found}, expected {status}")
    if out:
        wrong.append(f"standard output is not empty: {out[:200]!r}")
    if any(word in err for word in CRASH) or any(ord(c) < 32 and c != "\n" for c in err):
        wrong.append("the message is not for people")
    if len(lines) != len(messages):
        wrong.append(f"{len(lines)} messages, expected {len(messages)}")
    for line, message in zip(lines, messages):
        if not line.startswith("rehearse: ") or message not in line:
            wrong.append(f"expected 'rehearse: ...{message}...'")
    return wrong + [f"standard error: {line[:300]}" for line in lines] if wrong else []


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bad_input.py PROGRAM")
    cases = SCENARIOS + SETTINGS + COMMANDS
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: check(sys.argv[1], case), cases))
    for case, wrong in zip(cases, results):
        failed += bool(wrong)
        for line in wrong:
            print(f"{case[0]}: {line}")
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
