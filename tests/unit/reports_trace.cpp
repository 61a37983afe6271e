// The trace, read back: what Perfetto needs to load it, and what a person has to find in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/support/sample_result.hpp"
#include "tests/support/trace_decoder.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

const std::string gpu0 = "GPT, \"small\"/node 0/GPU 0 (stage 0, stands for 24)";
const std::string gpu12 = "GPT, \"small\"/node 1/GPU 12 (stage 1, stands for 24)";

DecodedTrace traced(const Result& result) {
  return DecodedTrace(text_of([&](std::ostream& out) { write_trace(result, out); }));
}

std::vector<std::string> names(const std::vector<DecodedSlice>& slices) {
  std::vector<std::string> out;
  for (const DecodedSlice& slice : slices) out.push_back(slice.begin.name);
  return out;
}

/// Slices of one depth on one track do not overlap, and inner ones lie within the one around them.
void check_nesting(const DecodedTrace& trace) {
  std::map<std::uint64_t, std::vector<const DecodedSlice*>> open;
  for (const DecodedSlice& slice : trace.slices) {
    auto& stack = open[slice.begin.track];
    CHECK(slice.end >= slice.begin.time);
    while (stack.size() > slice.depth) {
      CHECK(stack.back()->end <= slice.begin.time);
      stack.pop_back();
    }
    if (!stack.empty()) CHECK(slice.end <= stack.back()->end);
    stack.push_back(&slice);
  }
}

}  // namespace

TEST_CASE("trace: the tree of tracks") {
  const DecodedTrace trace = traced(sample_result());
  std::vector<std::string> paths;
  for (const auto& [uuid, track] : trace.tracks) paths.push_back(trace.path(uuid));
  const std::string root = "GPT, \"small\"";
  CHECK(paths == std::vector<std::string>{root, root + "/node 0", gpu0, root + "/node 1", gpu12, gpu0 + "/compute",
                                          gpu0 + "/communication", gpu0 + "/send", gpu0 + "/receive", gpu0 + "/memory",
                                          gpu12 + "/compute", gpu12 + "/send", gpu12 + "/receive", root + "/links",
                                          root + "/links/cable"});
  std::map<std::uint64_t, std::int32_t> next;
  for (const auto& [uuid, track] : trace.tracks) CHECK(track.order == next[track.parent]++);
  CHECK(trace.tracks.at(1).description.find("48 GPUs") != std::string::npos);
}

TEST_CASE("trace: computes with their parts") {
  const DecodedTrace trace = traced(sample_result());
  check_nesting(trace);
  const std::vector<DecodedSlice> slices = trace.slices_on(gpu0 + "/compute");
  CHECK(names(slices) ==
        std::vector<std::string>{"F0 · layer 0 attention and mlp", "attention", "mlp", "F1 · layer 0", "optimizer"});
  CHECK(slices[0].begin.category == "forward");
  CHECK(slices[0].begin.annotations ==
        std::map<std::string, double>{{"micro_batch", 0}, {"layer", 0}, {"stage", 0}, {"GFLOP", 10}});
  CHECK(slices[1].end == 400'000);
  CHECK(slices[2].begin.time == 400'000);
  CHECK(slices[2].end == slices[0].end);
  CHECK(slices[2].depth == 1);
  CHECK(slices[2].begin.annotations == std::map<std::string, double>{{"GFLOP", 6}});
  CHECK(slices[3].begin.time == slices[0].end);
}

TEST_CASE("trace: sends, receives and collectives") {
  const DecodedTrace trace = traced(sample_result());
  const auto sends = trace.slices_on(gpu0 + "/send"), receives = trace.slices_on(gpu12 + "/receive");
  CHECK(names(sends) == std::vector<std::string>{"send activations · mb 0", "send activations · mb 1"});
  CHECK(names(receives) == std::vector<std::string>{"receive activations · mb 0", "receive activations · mb 1"});
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(sends[i].begin.flows == receives[i].begin.terminating);
    CHECK(sends[i].end == receives[i].begin.time);
  }
  CHECK(receives[0].end == 1'202'000);  // taken up at once, shown for 1 us
  CHECK(receives[1].end == 2'301'000);  // until the compute op begins
  CHECK(sends[0].begin.annotations.at("bytes") == 2e6);
  CHECK(sends[0].begin.annotations.at("peer GPU") == 12);
  CHECK(receives[0].begin.annotations.at("peer GPU") == 0);

  const auto collectives = trace.slices_on(gpu0 + "/communication");
  REQUIRE(collectives.size() == 1);
  CHECK(collectives[0].begin.name == "all_reduce gradients");
  CHECK(collectives[0].begin.category == "data_comm");
  CHECK(collectives[0].begin.time == 4'000'000);
  CHECK(collectives[0].end == 4'501'000);
}

TEST_CASE("trace: counters are written when they change") {
  const DecodedTrace trace = traced(sample_result());
  using Points = std::vector<std::pair<std::int64_t, double>>;
  CHECK(trace.counter_on(gpu0 + "/memory") == Points{{0, 1000}, {1'000'000, 3000}, {5'000'000, 1000}});
  CHECK(trace.counter_on("GPT, \"small\"/links/cable") == Points{{0, 0},
                                                                 {1'001'000, 100},
                                                                 {1'201'000, 0},
                                                                 {2'001'000, 100},
                                                                 {2'201'000, 0},
                                                                 {4'001'000, 100},
                                                                 {4'501'000, 0}});
  for (const auto& [uuid, track] : trace.tracks) {
    if (track.name == "memory") CHECK(track.unit == 3);
    if (track.name == "cable") CHECK(track.unit_name == "%");
    CHECK(track.counter == (track.name == "memory" || track.name == "cable"));
  }
}

TEST_CASE("trace: overlapping sends have rows of their own, receives three at most") {
  ResultBuilder b(2);
  const PathId path = b.result.network.add_path({});
  for (int i = 0; i < 5; ++i) {
    const OpId flow = b.flow("x", Kind::pipeline_comm, 0, 1, 1, path, 0, 0.1 + 0.1 * i, Tags{i});
    const OpId late = b.compute("c", Kind::other, b.schedule.add_lane(Rank{1}, "compute"), 9 + i, 10 + i);
    b.schedule.add_edge(flow, late);
  }
  const DecodedTrace trace = traced(b.build());
  check_nesting(trace);
  std::vector<std::string> rows;
  for (const auto& [uuid, track] : trace.tracks)
    if (track.name.starts_with("send") || track.name.starts_with("receive")) rows.push_back(track.name);
  CHECK(rows ==
        std::vector<std::string>{"send", "send 2", "send 3", "send 4", "send 5", "receive", "receive 2", "receive 3"});
  CHECK(trace.slices_on("sample/node 0/GPU 1 (stage 0)/receive").front().end ==
        400'000'000);  // made room for the fourth
}

TEST_CASE("trace: an op without length is an instant") {
  ResultBuilder b(1);
  const LaneId lane = b.schedule.add_lane(Rank{0}, "compute");
  b.compute("a", Kind::other, lane, 0, 1);
  b.compute("nothing", Kind::other, lane, 1, 1);
  b.compute("b", Kind::other, lane, 1, 2);
  const DecodedTrace trace = traced(b.build());
  CHECK(names(trace.slices) == std::vector<std::string>{"a", "nothing", "b"});
  CHECK(trace.slices[1].begin.type == 3);
  CHECK(trace.slices[2].depth == 0);
}

TEST_CASE("trace: a compute op without a lane shows as the span around it") {
  ResultBuilder b(1);
  const LaneId lane = b.schedule.add_lane(Rank{0}, "communication");
  const OpId opens = b.join(1);
  const OpId replayed = b.compute("all_reduce", Kind::tensor_comm, no_lane, 1, 2, {}, no_index, no_index);
  b.schedule.add_edge(opens, replayed);
  b.schedule.add_span({b.schedule.name("all_reduce"), lane, opens, replayed, Bytes(8), {}, Kind::tensor_comm});
  const DecodedTrace trace = traced(b.build());
  REQUIRE(trace.slices.size() == 1);
  CHECK(trace.slices[0].begin.annotations.at("bytes") == 8);
}

TEST_CASE("trace: an empty result is a trace") {
  CHECK(traced(Result{}).tracks.size() == 1);
  CHECK(traced(ResultBuilder(2).build()).slices.empty());
}

TEST_CASE("trace: a send that takes no time has its arrow") {
  ResultBuilder b(2);
  const PathId path = b.result.network.add_path({});
  b.flow("late", Kind::pipeline_comm, 1, 0, 0, path, 1, 1);
  b.flow("early", Kind::pipeline_comm, 0, 1, 0, path, 1, 1);
  CHECK(traced(b.build()).slices.size() == 4);
}

TEST_CASE("trace: any times nest and touch") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    std::exponential_distribution<double> length(3e8);  // a few nanoseconds: rounding matters
    ResultBuilder b(3);
    const PathId path = b.result.network.add_path({});
    std::size_t expected = 0;
    for (std::uint32_t rank = 0; rank < 3; ++rank) {
      const LaneId lane = b.schedule.add_lane(Rank{rank}, "compute");
      double now = 0;
      for (int i = 0; i < 200; ++i, ++expected) {
        std::vector<Part> parts;
        double sum = 0;
        for (unsigned k = 0; k < random() % 4; ++k) {
          parts.push_back({b.schedule.name("part"), Seconds(length(random)), Flops(1)});
          sum += parts.back().duration.value();
        }
        const double end = now + (parts.empty() ? length(random) : sum);
        b.compute("op", Kind::backward, lane, now, end, Tags{i},
                  parts.empty() ? no_index : b.schedule.add_parts(parts));
        b.flow("x", Kind::pipeline_comm, rank, (rank + 1) % 3, 1, path, now, now + length(random), Tags{i});
        now = end;
      }
    }
    const DecodedTrace trace = traced(b.build());
    check_nesting(trace);
    for (const char* rank : {"0", "1", "2"}) {
      const std::string track = std::string("sample/node 0/GPU ") + rank + " (stage 0)/compute";
      std::int64_t last = 0, count = 0;
      for (const DecodedSlice& slice : trace.slices_on(track)) {
        if (slice.begin.name == "part") continue;
        CHECK(slice.begin.time == last);
        last = slice.end;
        ++count;
      }
      CHECK(count == 200);
    }
  }
}
