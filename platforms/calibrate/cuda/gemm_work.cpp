#include <memory>

#include "platforms/calibrate/cuda/gemm_plan.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

/// The same matrix of every set, one after another, each at an address that the fastest kernels accept.
struct Pieces {
  std::size_t bytes = 0;  ///< of one
  char* base = nullptr;
  [[nodiscard]] char* of_set(int set) const { return base + static_cast<std::size_t>(set) * bytes; }
};

std::size_t piece_bytes(std::size_t elements, Precision precision) {
  constexpr std::size_t alignment = 256;
  const std::size_t bytes = elements * static_cast<std::size_t>(element_bytes(precision));
  return (bytes + alignment - 1) / alignment * alignment;
}

Pieces pieces(std::size_t bytes, int sets, Arena& arena) {
  return {bytes, static_cast<char*>(arena.take_bytes(bytes * static_cast<std::size_t>(sets)))};
}

void fill(const Pieces& operand, int sets, Precision precision, std::uint64_t seed) {
  const std::size_t bytes = operand.bytes * static_cast<std::size_t>(sets);
  fill_normal(operand.base, bytes / static_cast<std::size_t>(element_bytes(precision)), precision, 1.0, seed);
}

}  // namespace

Work gemm_work(const Gemm& gemm, Precision precision, Arena& arena) {
  const std::size_t bytes_a = piece_bytes(elements_a(gemm), precision);
  const std::size_t bytes_b = piece_bytes(elements_b(gemm), precision);
  const std::size_t bytes_c = piece_bytes(elements_c(gemm), result_precision(precision));
  const auto plan = std::make_shared<const Product>(gemm_plan(gemm, precision));
  Work work;
  work.sets = arena.sets_of(bytes_a + bytes_b + bytes_c);
  const Pieces a = pieces(bytes_a, work.sets, arena);
  const Pieces b = pieces(bytes_b, work.sets, arena);
  const Pieces c = pieces(bytes_c, work.sets, arena);
  fill(a, work.sets, precision, 1);
  fill(b, work.sets, precision, 2);
  work.launch = [plan, a, b, c](cudaStream_t stream, int set) {
    plan->run(stream, a.of_set(set), b.of_set(set), c.of_set(set));
  };
  return work;
}

}  // namespace rehearse::cuda
