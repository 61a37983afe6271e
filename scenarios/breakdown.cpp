#include "scenarios/breakdown.hpp"

#include <algorithm>
#include <array>

namespace rehearse {

namespace {

constexpr std::array<BreakdownRow, 9> rows{{
    {"compute", "compute", &Breakdown::compute},
    {"tensor_comm", "tensor communication", &Breakdown::tensor_comm},
    {"context_comm", "context communication", &Breakdown::context_comm},
    {"expert_comm", "expert communication", &Breakdown::expert_comm},
    {"pipeline_comm", "pipeline communication", &Breakdown::pipeline_comm},
    {"data_comm", "data communication", &Breakdown::data_comm},
    {"offload", "offload", &Breakdown::offload},
    {"bubble", "pipeline bubble", &Breakdown::bubble},
    {"optimizer", "optimizer", &Breakdown::optimizer},
}};

/// Of what is under way at a moment the first counts.
enum Category : std::uint8_t {
  compute,
  optimizer,
  tensor_comm,
  context_comm,
  expert_comm,
  data_comm,
  pipeline_comm,
  offload,
  category_count
};
constexpr std::array<Seconds Breakdown::*, category_count> part_of{
    &Breakdown::compute,     &Breakdown::optimizer, &Breakdown::tensor_comm,   &Breakdown::context_comm,
    &Breakdown::expert_comm, &Breakdown::data_comm, &Breakdown::pipeline_comm, &Breakdown::offload};

Category category_of(Kind kind) {
  switch (kind) {
    case Kind::optimizer: return optimizer;
    case Kind::tensor_comm: return tensor_comm;
    case Kind::context_comm: return context_comm;
    case Kind::expert_comm: return expert_comm;
    case Kind::data_comm:
    case Kind::embedding_comm: return data_comm;
    case Kind::pipeline_comm: return pipeline_comm;
    case Kind::offload: return offload;
    default: return compute;
  }
}

struct Edge {
  double time;
  Category category;
  int change;  // +1: begins, -1: ends
};

class Sweep {
 public:
  Sweep(const Schedule& schedule, const Timeline& timeline) : timeline_(timeline), edges_(schedule.rank_count()) {
    for (std::uint32_t i = 0; i < schedule.size(); ++i) add_op(schedule, schedule.ops()[i], i);
    for (const Span& span : schedule.spans())
      add(index(schedule.lanes()[index(span.lane)].rank), category_of(span.kind), timeline.end[index(span.opens)],
          timeline.end[index(span.closes)]);
  }

  Breakdown of(std::size_t rank, const Window& window) {
    auto& edges = edges_[rank];
    std::ranges::sort(edges, {}, &Edge::time);
    std::array<int, category_count> active{};
    std::array<double, category_count + 1> sums{};
    double last = window.begin.value();
    const auto pass_time = [&](double until) {
      const auto busy = std::ranges::find_if(active, [](int n) { return n > 0; }) - active.begin();
      sums[static_cast<std::size_t>(busy)] += until - last;  // nobody busy: the last sum, the bubble
      last = until;
    };
    for (const Edge& edge : edges) {
      if (edge.time > last) pass_time(edge.time);
      active[edge.category] += edge.change;
    }
    pass_time(window.end.value());
    Breakdown out;
    for (std::size_t c = 0; c < category_count; ++c) out.*part_of[c] = Seconds(sums[c]);
    out.bubble = Seconds(sums[category_count]);
    return out;
  }

 private:
  void add_op(const Schedule& schedule, const Op& op, std::uint32_t i) {
    if (op.type == OpType::compute && Schedule::lane(op) != no_lane)
      add(index(schedule.lanes()[op.where].rank), category_of(op.kind), timeline_.begin[i], timeline_.end[i]);
    if (op.type != OpType::flow || op.kind != Kind::pipeline_comm) return;
    add(index(Schedule::source(op)), pipeline_comm, timeline_.begin[i], timeline_.end[i]);
    add(index(Schedule::destination(op)), pipeline_comm, timeline_.begin[i], timeline_.end[i]);
  }

  void add(std::size_t rank, Category category, Seconds begin, Seconds end) {
    edges_[rank].push_back({begin.value(), category, 1});
    edges_[rank].push_back({end.value(), category, -1});
  }

  const Timeline& timeline_;
  std::vector<std::vector<Edge>> edges_;
};

}  // namespace

Seconds Breakdown::total() const {
  Seconds sum;
  for (const BreakdownRow& row : rows) sum += this->*row.time;
  return sum;
}

const Table<BreakdownRow>& breakdown_table() {
  static const Table<BreakdownRow> table("part of the breakdown", rows);
  return table;
}

std::vector<Breakdown> break_down(const Schedule& schedule, const Timeline& timeline,
                                  const std::vector<Window>& windows) {
  Sweep sweep(schedule, timeline);
  std::vector<Breakdown> out;
  for (std::size_t rank = 0; rank < schedule.rank_count(); ++rank) out.push_back(sweep.of(rank, windows[rank]));
  return out;
}

}  // namespace rehearse
