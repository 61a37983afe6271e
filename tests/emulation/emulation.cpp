// Fibres: a stack for each thread of a block, entered once by ucontext and then switched by setjmp, which makes no
// system call.
#include "tests/emulation/emulation.hpp"

#include <setjmp.h>
#include <ucontext.h>

#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulation {
namespace {

constexpr std::size_t most_threads = 1024, stack_bytes = 64 * 1024, lanes = 32;

struct Fibre {
  ucontext_t start{};
  jmp_buf place{};
  bool entered = false, ended = false, at_shuffle = false;
  unsigned shuffles = 0;
};

struct Machine {
  std::array<Fibre, most_threads> fibres;
  std::unique_ptr<char[]> stacks = std::make_unique<char[]>(most_threads * stack_bytes);
  jmp_buf scheduler{};
  std::size_t current = 0;
  const std::function<void()>* thread = nullptr;
  std::array<std::array<float, most_threads>, 2> shuffled{};
};
Machine machine;

void pause() {
  if (_setjmp(machine.fibres[machine.current].place) == 0) _longjmp(machine.scheduler, 1);
}

/// A fibre never returns: it waits for the next block.
void body() {
  for (;;) {
    (*machine.thread)();
    machine.fibres[machine.current].ended = true;
    pause();
  }
}

void resume(std::size_t i) {
  Fibre& fibre = machine.fibres[i];
  machine.current = i;
  if (_setjmp(machine.scheduler) != 0) return;
  if (fibre.entered) _longjmp(fibre.place, 1);
  fibre.entered = true;
  getcontext(&fibre.start);
  fibre.start.uc_stack.ss_sp = machine.stacks.get() + i * stack_bytes;
  fibre.start.uc_stack.ss_size = stack_bytes;
  makecontext(&fibre.start, body, 0);
  setcontext(&fibre.start);
}

void run_lane(std::size_t i) {
  threadIdx = {static_cast<unsigned>(i) % blockDim.x, static_cast<unsigned>(i) / blockDim.x, 0};
  machine.fibres[i].at_shuffle = false;
  resume(i);
}

/// The lanes of a warp to the block's next barrier or their end; they wait for each other only where they shuffle, and
/// for no other warp: one may be a whole barrier ahead of the next.
void run_warp(std::size_t first, bool forward) {
  std::size_t shuffling = lanes;
  while (shuffling == lanes) {
    shuffling = 0;
    for (std::size_t k = 0; k < lanes; ++k) {
      const std::size_t i = first + (forward ? k : lanes - 1 - k);
      run_lane(i);
      if (machine.fibres[i].at_shuffle) ++shuffling;
    }
  }
  if (shuffling > 0) throw std::logic_error("threads of a warp do not all come to a shuffle");
}

/// All warps to their next barrier or end, in one order and then the other, so that a result which depends on the
/// order of warps shows.
void run_block(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) machine.fibres[i].ended = false;
  for (bool forward = true;; forward = !forward) {
    for (std::size_t w = 0; w < threads; w += lanes) run_warp(forward ? w : threads - lanes - w, forward);
    std::size_t ended = 0;
    for (std::size_t i = 0; i < threads; ++i) ended += machine.fibres[i].ended ? 1 : 0;
    if (ended == threads) return;
    if (ended > 0) throw std::logic_error("threads of a block ended while others wait at a barrier");
  }
}

}  // namespace

void run(dim3 grid, dim3 block, const std::function<void()>& thread) {
  gridDim = grid;
  blockDim = block;
  machine.thread = &thread;
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  if (threads > most_threads || threads % lanes != 0 || block.z != 1 || grid.z != 1)
    throw std::logic_error("a launch of this shape");
  for (unsigned y = 0; y < grid.y; ++y)
    for (unsigned x = 0; x < grid.x; ++x) {
      blockIdx = {x, y, 0};
      run_block(threads);
    }
}

}  // namespace emulation

void __syncthreads() { emulation::pause(); }

/// Two places for each thread: when one is written again, all lanes have been at a shuffle since it was read.
float __shfl_xor_sync(unsigned, float value, int other) {
  using emulation::machine;
  const std::size_t me = machine.current;
  auto& shuffled = machine.shuffled[machine.fibres[me].shuffles++ % 2];
  shuffled[me] = value;
  machine.fibres[me].at_shuffle = true;
  emulation::pause();
  return shuffled[me ^ static_cast<std::size_t>(other)];
}
