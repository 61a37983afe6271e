"""What the command-line tests share: a small scenario, a folder of its own, and the program in it."""

import os
import subprocess
import tempfile
from pathlib import Path

SMALL = """\
name: small
model: {layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}
cluster:
  node: dgx-a100
  nodes: 1
plan:
  tensor: 2
  pipeline: 2
  global_batch: 8
"""

# What a crash leaves behind, and what only a programmer understands.
CRASH = ["terminate called", "Aborted", "what():", "Assertion", "bad_alloc", "a fault of the program", "runtime error",
         "AddressSanitizer", "std::", "/usr/include", "simgrid", "root."]


class Workplace:
    """A folder with small.yaml, gone at the end."""

    def __init__(self, program):
        self.program = str(Path(program).resolve())
        self.folder = tempfile.TemporaryDirectory(prefix="rehearse-cli-")
        self.path = Path(self.folder.name)
        self.write("small.yaml", SMALL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def write(self, name, content):
        target = self.path / name
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def files(self):
        """Every path below the folder, with its content; links are not followed."""
        found = {}
        for folder, _, names in os.walk(self.path):
            found[folder] = None
            found.update({os.path.join(folder, name): Path(folder, name).read_bytes() for name in names})
        return found

    def run(self, *arguments):
        """(exit status, standard output, standard error); bytes that are no text are kept as escapes."""
        done = subprocess.run([self.program, *arguments], cwd=self.path, capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="backslashreplace")
