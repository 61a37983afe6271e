// The memory-bound kernels of the calibrator, run on the host thread by thread: their results against the references in
// double precision that the calibrator itself uses on a GPU, barriers that not all threads reach, and writes past the
// end of a buffer. What it cannot show: races between barriers beyond the order of threads, and speed.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "platforms/calibrate/cuda/work.hpp"
#include "tests/emulation/guards.hpp"

namespace {

using namespace rehearse;

int run_checks(cuda::Arena& arena) {
  int wrong = 0, count = 0;
  for (const Check& check : cuda::check_streams(arena)) {
    ++count;
    if (check.passed()) continue;
    ++wrong;
    std::printf("WRONG %s: error %.3g, at most %.3g\n", check.name.c_str(), check.error, check.tolerance);
  }
  std::printf("%d checks, %d wrong\n", count, wrong);
  return count > 0 ? wrong : 1;
}

/// As they are timed: every kind of stream, each of its sets, from one row up.
void run_every_kind(cuda::Arena& arena) {
  for (const StreamRow& row : stream_table())
    for (const std::int64_t bytes : {1, 200'001}) {
      arena.reset();
      const cuda::Work work = cuda::stream_work(row.kind, stream_shape(row.kind, Bytes(bytes)), arena);
      for (int set = 0; set < work.sets; ++set) work.launch(nullptr, set);
    }
}

}  // namespace

int main() {
  try {
    cuda::Arena arena(std::size_t{700} << 20);
    const int wrong = run_checks(arena);
    run_every_kind(arena);
    const int broken = cuda::broken_guards();
    std::printf("%d writes past the end of a buffer\n", broken);
    return wrong == 0 && broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& fault) {
    std::printf("%s\n", fault.what());
    return EXIT_FAILURE;
  }
}
