// The calibrator's cases: which sizes there are, in which order, and that each can be timed.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "platforms/calibrate/grid.hpp"
#include "platforms/calibrate/listing.hpp"
#include "platforms/calibrate/stream_shape.hpp"
#include "tests/support/synthetic_bench.hpp"

using namespace rehearse;

namespace {

Machine machine() { return testing::SyntheticBench().machine(); }

std::vector<Case> cases_of(Grid grid, const Machine& on = machine(), std::vector<Precision> precisions = {}) {
  CalibrationOptions options;
  options.grid = grid;
  options.precisions = std::move(precisions);
  return grid_cases(on, options);
}

std::string text(const Case& c) { return c.family + ": " + describe(c.kernel); }

std::set<std::string> texts(const std::vector<Case>& cases) {
  std::set<std::string> out;
  for (const Case& c : cases) out.insert(text(c));
  return out;
}

template <class Work>
std::vector<Work> works(const std::vector<Case>& cases, const std::string& family) {
  std::vector<Work> out;
  for (const Case& c : cases)
    if (c.family == family) out.push_back(std::get<Work>(c.kernel.work));
  return out;
}

}  // namespace

TEST_CASE("grid: the same each time, and none twice") {
  for (const Grid grid : {Grid::quick, Grid::full}) {
    const std::vector<Case> cases = cases_of(grid), again = cases_of(grid);
    REQUIRE(cases.size() == again.size());
    for (std::size_t i = 0; i < cases.size(); ++i) REQUIRE(text(cases[i]) == text(again[i]));
    CHECK(texts(cases).size() == cases.size());
  }
}

TEST_CASE("grid: attention that differs only in how heads are batched is one case") {
  std::set<std::tuple<bool, bool, bool, std::int64_t, std::int64_t, std::int64_t, std::int64_t>> seen;
  for (const Attention& a : works<Attention>(cases_of(Grid::full), "attention bf16"))
    CHECK(seen.emplace(a.fused, a.causal, a.backward, a.batch * a.heads, a.batch * a.kv_heads, a.seq_q, a.head_dim)
              .second);
}

TEST_CASE("grid: lower ranks first, each with every family in turn") {
  const std::vector<Case> cases = cases_of(Grid::full);
  CHECK(std::ranges::is_sorted(cases, {}, &Case::rank));
  std::set<std::string> all, first;
  for (const Case& c : cases) all.insert(c.family);
  for (std::size_t i = 0; i < all.size(); ++i) first.insert(cases[i].family);
  CHECK(all.size() == 3 * 3 + 1 + 1 + 28);
  CHECK(first == all);
}

TEST_CASE("grid: the quick one is a part of the full one") {
  const std::set<std::string> full = texts(cases_of(Grid::full));
  const std::vector<Case> quick = cases_of(Grid::quick);
  for (const Case& c : quick) CHECK_MESSAGE(full.count(text(c)) == 1, text(c));
  CHECK(quick.size() > 1500);
  CHECK(full.size() > 3 * quick.size());
}

TEST_CASE("grid: every case fits and ends") {
  Machine small = machine();
  small.memory_capacity = Bytes(24'000'000'000);
  std::erase_if(small.peaks, [](const auto& peak) { return peak.first == Precision::fp8; });
  for (const Machine& on : {machine(), small})
    for (const Case& c : cases_of(Grid::full, on)) {
      CHECK(footprint(c.kernel) <= on.memory_capacity / 4);
      CHECK(c.kernel.flops() <= Flops(4e13));
      CHECK(expected_time(on, c.kernel) <= Seconds(0.25));
      CHECK((on.peaks.size() == 4 || c.kernel.precision != Precision::fp8));
    }
}

TEST_CASE("grid: tokens from one to 16,384, the layers of the models, and a vocabulary that is no round number") {
  const std::vector<Gemm> forward = works<Gemm>(cases_of(Grid::full), "gemm bf16 tn");
  const auto any = [&](auto&& wanted) { return std::ranges::any_of(forward, wanted); };
  for (const std::int64_t tokens : {1, 16, 64, 128, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384})
    CHECK_MESSAGE(any([&](const Gemm& g) { return g.m == tokens && g.batch == 1; }), tokens);
  for (const LayerShape& layer : validation_layers())
    for (const Kernel& kernel : testing::SyntheticBench::layer_products(layer)) {
      const auto& wanted = std::get<Gemm>(kernel.work);
      CHECK(any([&](const Gemm& g) { return g.n == wanted.n && g.k == wanted.k; }));
    }
  for (const std::int64_t size : {1536, 2560, 5120, 6144, 7168, 12288, 20480, 28672, 50257, 50304, 128256})
    CHECK_MESSAGE(any([&](const Gemm& g) { return g.n == size; }), size);
  for (const std::int64_t dim : {64, 80, 96, 128, 256})
    CHECK_MESSAGE(any([&](const Gemm& g) { return g.batch > 1 && g.k == dim; }), dim);
}

TEST_CASE("grid: gradients of a weight have the tokens as k") {
  for (const Gemm& g : works<Gemm>(cases_of(Grid::full), "gemm bf16 nt")) CHECK(g.layout == Layout::nt);
  const std::vector<Gemm> of_weight = works<Gemm>(cases_of(Grid::full), "gemm bf16 nt");
  CHECK(std::ranges::count(of_weight, Gemm{1, 12288, 4096, 8192, Layout::nt}) == 1);
  CHECK(std::ranges::count(works<Gemm>(cases_of(Grid::full), "gemm bf16 nn"), Gemm{1, 8192, 4096, 12288, Layout::nn}) ==
        1);
}

TEST_CASE("grid: fp8 in the one layout and the sizes that its library has") {
  for (const Case& c : cases_of(Grid::full, machine(), {Precision::fp8})) {
    const auto* gemm = std::get_if<Gemm>(&c.kernel.work);
    if (gemm == nullptr) continue;
    CHECK(gemm->layout == Layout::tn);
    CHECK((gemm->m % 16 == 0 && gemm->n % 16 == 0 && gemm->k % 16 == 0));
  }
}

TEST_CASE("grid: sizes that are not whole pieces are enough to interpolate") {
  for (const Grid grid : {Grid::quick, Grid::full})
    for (const char* layout : {"tn", "nn", "nt"}) {
      const std::vector<Gemm> products = works<Gemm>(cases_of(grid), std::string("gemm bf16 ") + layout);
      CHECK(std::ranges::count_if(products, [](const Gemm& g) { return !aligned(Precision::bf16, g); }) >= 20);
    }
}

TEST_CASE("grid: attention of every kind") {
  const std::vector<Attention> all = works<Attention>(cases_of(Grid::full), "attention bf16");
  for (const bool fused : {false, true})
    for (const bool causal : {false, true})
      for (const bool backward : {false, true})
        CHECK(std::ranges::count_if(all, [&](const Attention& a) {
                return a.fused == fused && a.causal == causal && a.backward == backward && a.seq_q == a.seq_kv;
              }) >= 10);
  for (const Attention& a : all) CHECK(a.heads % a.kv_heads == 0);
  for (const std::int64_t share : {1, 4, 8})
    CHECK(
        std::ranges::any_of(all, [&](const Attention& a) { return a.heads == share * a.kv_heads && a.kv_heads > 1; }));
}

TEST_CASE("grid: every kind of stream from 64 KiB on, in bytes that its kernel can move") {
  const std::vector<Case> cases = cases_of(Grid::quick);
  for (const StreamRow& row : stream_table()) {
    const std::vector<Stream> streams = works<Stream>(cases, "stream " + std::string(row.name));
    CHECK(streams.size() >= 8);
    for (const Stream& s : streams) {
      CHECK(s.kind == row.kind);
      CHECK(stream_shape(s.kind, s.bytes).bytes == s.bytes);
    }
  }
}
