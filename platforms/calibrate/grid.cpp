#include "platforms/calibrate/grid.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "engine/base/mixing.hpp"
#include "platforms/calibrate/stream_shape.hpp"

namespace rehearse {
namespace {

constexpr std::int64_t kib = std::int64_t{1} << 10, gib = std::int64_t{1} << 30;

double real(std::int64_t x) { return static_cast<double>(x); }
std::uint64_t word(std::int64_t x) { return static_cast<std::uint64_t>(x); }

using Key = std::array<std::int64_t, 8>;

/// What tells cases of a family apart. Batches and heads come together, as in the profile's tables.
struct KeyOf {
  Key operator()(const Gemm& g) const { return {0, g.batch, g.m, g.n, g.k, static_cast<std::int64_t>(g.layout), 0, 0}; }
  Key operator()(const Stream& s) const {
    return {1, static_cast<std::int64_t>(s.kind), s.bytes.value(), 0, 0, 0, 0, 0};
  }
  Key operator()(const Attention& a) const {
    const std::int64_t kind = (a.causal ? 1 : 0) + (a.backward ? 2 : 0) + (a.fused ? 4 : 0);
    return {2, a.batch * a.heads, a.batch * a.kv_heads, a.seq_q, a.seq_kv, a.head_dim, kind, 0};
  }
  Key operator()(const Roofline& r) const {
    return {3, static_cast<std::int64_t>(r.flops.value()), r.bytes.value(), 0, 0, 0, 0, 0};
  }
};
Key key_of(const Case& c) { return std::visit(KeyOf{}, c.kernel.work); }

std::uint64_t shuffled(const Case& c) {
  std::uint64_t hash = 0;
  for (const std::int64_t part : key_of(c)) hash = mix(hash ^ word(part));
  return hash;
}

FlopsPerSecond peak_of(const Machine& machine, Precision precision) {
  for (const auto& [has, peak] : machine.peaks)
    if (has == precision) return peak;
  return FlopsPerSecond(0.0);
}

struct BytesOf {
  Precision precision;
  double operator()(const Stream& s) const { return real(s.bytes.value()); }
  double operator()(const Gemm& g) const { return operand_bytes(precision, g); }
  double operator()(const Attention& a) const {
    const double scores = a.fused ? 0.0 : real(a.batch) * real(a.heads) * real(a.seq_q) * real(a.seq_kv);
    return operand_bytes(precision, a) + (a.backward ? 3.0 : 2.0) * scores * real(element_bytes(precision));
  }
  double operator()(const Roofline& r) const { return real(r.bytes.value()); }
};

/// Of the longest case worth its time.
Seconds longest(Grid grid) { return Seconds(grid == Grid::quick ? 4e-3 : 30e-3); }

bool is_wanted(const Machine& machine, Grid grid, const Case& c) {
  if (grid == Grid::quick && c.rank > main_sizes) return false;
  if (c.kernel.flops() > Flops(4e13) || footprint(c.kernel) > machine.memory_capacity / 4) return false;
  return expected_time(machine, c.kernel) <= longest(grid);
}

/// Each family in turn, lower ranks first; within a rank in a shuffled order, so that what fits is spread evenly.
void put_in_order(std::vector<Case>& cases) {
  std::map<std::string, std::size_t> family;  // in order of appearance
  for (const Case& c : cases) family.emplace(c.family, family.size());
  struct Place {
    int rank;
    std::size_t turn, family;
    std::uint64_t shuffle;
    std::size_t index;
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < cases.size(); ++i)
    places.push_back({cases[i].rank, 0, family.at(cases[i].family), shuffled(cases[i]), i});
  std::ranges::sort(places, {}, [](const Place& p) { return std::tuple(p.rank, p.family, p.shuffle, p.index); });
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i].rank == places[i - 1].rank && places[i].family == places[i - 1].family)
      places[i].turn = places[i - 1].turn + 1;
  std::ranges::sort(places, {}, [](const Place& p) { return std::tuple(p.rank, p.turn, p.family); });
  std::vector<Case> ordered;
  for (const Place& place : places) ordered.push_back(std::move(cases[place.index]));
  cases = std::move(ordered);
}

/// Of equal cases the one of the lowest rank stays.
void drop_duplicates(std::vector<Case>& cases) {
  std::ranges::stable_sort(cases, {}, &Case::rank);
  std::set<std::pair<std::string, Key>> seen;
  std::erase_if(cases, [&](const Case& c) { return !seen.emplace(c.family, key_of(c)).second; });
}

class AttentionCases {
 public:
  AttentionCases(Precision precision, std::vector<Case>& cases) : precision_(precision), cases_(cases) {}

  /// Forward and backward. `queries_for_keys`: heads of queries that share one of keys and values.
  void add(int rank, bool fused, bool causal, const std::vector<std::int64_t>& heads,
           const std::vector<std::int64_t>& sequences, const std::vector<std::int64_t>& dims,
           const std::vector<std::int64_t>& queries_for_keys) {
    for (const std::int64_t count : heads)
      for (const std::int64_t seq : sequences)
        for (const std::int64_t dim : dims)
          for (const std::int64_t share : queries_for_keys)
            for (const bool backward : {false, true})
              put(rank, {std::max<std::int64_t>(count / 32, 1), std::min<std::int64_t>(count, 32),
                         std::min<std::int64_t>(count, 32) / share, seq, seq, dim, causal, backward, fused});
  }

 private:
  void put(int rank, const Attention& attention) {
    add_case(cases_, "attention " + std::string(precision_name(precision_)), attention, precision_, rank);
  }

  Precision precision_;
  std::vector<Case>& cases_;
};

// Each fused shape costs the library half a second to plan, so there are few.
void add_fused_cases(AttentionCases& of) {
  const std::vector<std::int64_t> octaves = {512, 1024, 2048, 4096, 8192, 16384};
  of.add(skeleton, true, true, {16, 64}, {512, 2048, 8192}, {128}, {1});
  of.add(skeleton, true, true, {32}, {2048}, {64}, {1});
  of.add(skeleton, true, false, {32}, {1024, 4096}, {128}, {1});
  of.add(main_sizes, true, true, {32, 128}, {1024, 4096}, {128}, {1});
  of.add(main_sizes, true, true, {16, 64}, {1024, 4096}, {64}, {1});
  of.add(main_sizes, true, true, {32}, {2048, 8192}, {128}, {4});
  of.add(finer, true, true, {16, 32, 64, 128, 256}, octaves, {128}, {1});
  of.add(finer, true, true, {32}, octaves, {64}, {1});
  of.add(model_sizes, true, true, {64, 128}, {2048, 4096, 8192}, {128}, {4});
  of.add(model_sizes, true, false, {8, 128}, {512, 2048, 8192}, {64, 128}, {1});
  of.add(wider, true, true, {64}, {1024, 4096}, {80, 96, 256}, {1});
  of.add(wider, true, true, {64, 128}, {4096}, {128}, {8});
}

void add_unfused_cases(AttentionCases& of) {
  const std::vector<std::int64_t> octaves = {512, 1024, 2048, 4096, 8192, 16384};
  of.add(skeleton, false, true, {16, 64}, {512, 2048}, {64, 128}, {1});
  of.add(skeleton, false, false, {32}, {1024, 4096}, {128}, {1});
  of.add(main_sizes, false, true, {32, 128}, {1024, 2048}, {64, 128}, {1});
  of.add(main_sizes, false, false, {16, 64}, {512, 1024, 2048}, {64, 128}, {1});
  of.add(model_sizes, false, true, {8, 16, 32, 64, 256}, octaves, {64, 128}, {1});
  of.add(model_sizes, false, false, {8, 32, 128}, octaves, {64, 128}, {1});
  of.add(wider, false, true, {32, 128}, {1024, 2048}, {80, 96, 256}, {1});
  of.add(wider, false, true, {32, 128}, {1024, 2048, 4096}, {128}, {4});
}

}  // namespace

void add_case(std::vector<Case>& cases, const std::string& family, const decltype(Kernel::work)& work,
              Precision precision, int rank) {
  Case& added = cases.emplace_back();
  added.kernel.name = family;
  added.kernel.work = work;
  added.kernel.precision = precision;
  added.family = family;
  added.rank = rank;
}

void add_attention_cases(const std::vector<Precision>& chosen, std::vector<Case>& cases) {
  // bf16 and fp16 run the same kernels at the same rate: one stands for both (measured.hpp).
  const auto half = std::ranges::find_if(chosen, [](Precision p) { return element_bytes(p) == 2; });
  if (half == chosen.end()) return;
  AttentionCases of(*half, cases);
  add_fused_cases(of);
  add_unfused_cases(of);
}

void add_stream_cases(const Machine& machine, std::vector<Case>& cases) {
  const std::int64_t most = std::min(4 * gib, machine.memory_capacity.value() / 4);
  for (const StreamRow& row : stream_table()) {
    const std::int64_t end = crosses_host_bus(row.kind) ? std::min(gib, most) : most;
    const std::string family = "stream " + std::string(row.name);
    int octave = 0;
    for (std::int64_t wanted = 64 * kib; wanted <= end; wanted *= 2, ++octave) {
      const int rank = octave % 4 == 0 ? skeleton : main_sizes;
      const Stream stream{row.kind, stream_shape(row.kind, Bytes(wanted)).bytes};
      add_case(cases, family, stream, Precision::bf16, rank);
    }
  }
}

std::vector<Precision> chosen_precisions(const Machine& machine, const CalibrationOptions& options) {
  const std::vector<Precision> all = {Precision::bf16, Precision::fp8, Precision::fp16, Precision::tf32};
  std::vector<Precision> chosen;
  for (const Precision precision : options.precisions.empty() ? all : options.precisions)
    if (peak_of(machine, precision) > FlopsPerSecond(0.0) && std::ranges::count(chosen, precision) == 0)
      chosen.push_back(precision);
  return chosen;
}

Bytes footprint(const Kernel& kernel) {
  return Bytes(static_cast<std::int64_t>(std::visit(BytesOf{kernel.precision}, kernel.work)));
}

Seconds expected_time(const Machine& machine, const Kernel& kernel) {
  constexpr double products = 0.6, our_attention = 0.3, memory = 0.8;  // of the peaks
  constexpr BytesPerSecond pinned_bus(20e9), pageable_bus(5e9);
  if (const auto* stream = std::get_if<Stream>(&kernel.work); stream != nullptr && crosses_host_bus(stream->kind)) {
    const bool pageable =
        stream->kind == StreamKind::copy_to_device_pageable || stream->kind == StreamKind::copy_to_host_pageable;
    return stream->bytes / (pageable ? pageable_bus : pinned_bus);
  }
  const double share = std::holds_alternative<Attention>(kernel.work) ? our_attention : products;
  const Seconds moving = footprint(kernel) / (machine.memory_bandwidth * memory);
  if (kernel.flops() <= Flops(0.0)) return moving;
  return std::max(moving, kernel.flops() / (peak_of(machine, kernel.precision) * share));
}

Seconds enough_for(const Machine& machine, const Kernel& kernel, Grid grid) {
  const Seconds least(8e-3), most(grid == Grid::quick ? 15e-3 : 60e-3);
  const Seconds expected = Seconds(4e-6) + expected_time(machine, kernel);
  // A median of fewer than six has no confidence interval.
  return std::max(std::clamp(50.0 * expected, least, most), 8.0 * expected);
}

Seconds budget_of(Grid grid) { return Seconds(grid == Grid::quick ? 40.0 : 400.0); }

std::vector<Case> grid_cases(const Machine& machine, const CalibrationOptions& options) {
  std::vector<Case> cases;
  const std::vector<Precision> chosen = chosen_precisions(machine, options);
  for (const Precision precision : chosen) add_gemm_cases(precision, cases);
  add_attention_cases(chosen, cases);
  add_stream_cases(machine, cases);
  std::erase_if(cases, [&](const Case& c) { return !is_wanted(machine, options.grid, c); });
  drop_duplicates(cases);
  put_in_order(cases);
  return cases;
}

}  // namespace rehearse
