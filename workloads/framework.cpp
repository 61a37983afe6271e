#include "workloads/framework.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/enum_names.hpp"

namespace rehearse {

namespace {

constexpr std::array<std::string_view, 3> accumulation_names{"free", "separate", "fused"};

Seconds read_cost(Reader& reader, std::string_view key) {
  const auto cost = reader.get<Seconds>(key, Seconds(0));
  if (cost < Seconds(0)) reader.fault(key, "expected zero or more");
  return cost;
}

double read_factor(Reader& reader, std::string_view key) {
  const auto factor = reader.get<double>(key, 1.0);
  if (factor >= 0.1 && factor <= 10) return factor;
  reader.fault(key, "expected a factor from 0.1 to 10");
  return 1;
}

LibraryKernels read_libraries(Reader reader) {
  const LibraryKernels libraries{read_factor(reader, "products"), read_factor(reader, "streams")};
  reader.get<std::string>("origin", "");
  return libraries;
}

EagerKernels read_eager(Reader reader) {
  EagerKernels eager;
  eager.separate = reader.get<bool>("separate", false);
  eager.autocast = reader.get<bool>("autocast", false);
  eager.recompute_stops_early = reader.get<bool>("recompute_stops_early", false);
  eager.origin = reader.get<std::string>("origin", "");
  if (eager.autocast && !eager.separate) reader.fault("autocast", "has a meaning with `separate: true` only");
  return eager;
}

Value to_value(const EagerKernels& eager) {
  Value out;
  out["separate"] = scalar_value(eager.separate);
  out["autocast"] = scalar_value(eager.autocast);
  out["recompute_stops_early"] = scalar_value(eager.recompute_stops_early);
  return out;
}

Value seconds_value(Seconds time) { return scalar_value(fmt::format("{} s", time.value())); }

}  // namespace

Framework read_framework(Reader& reader) {
  Framework f;
  f.name = reader.get<std::string>("name", "ideal");
  f.description = reader.get<std::string>("description", "");
  Reader host = reader.child("host");
  f.host.forward = read_cost(host, "forward");
  f.host.backward = read_cost(host, "backward");
  f.host.micro_batch = read_cost(host, "micro_batch");
  f.host.message = read_cost(host, "message");
  f.host.origin = host.get<std::string>("origin", "");
  Reader kernels = reader.child("kernels");
  f.kernels.softmax = kernels.get_at_least("softmax", 0, 1);
  kernels.get<std::string>("origin", "");
  f.libraries = read_libraries(reader.child("libraries"));
  f.eager = read_eager(reader.child("eager"));
  f.accumulation = read_enum(reader, "accumulation", "way to add up gradients", accumulation_names, Accumulation::free);
  f.sharding = reader.get<BytesPerSecond>("sharding", BytesPerSecond(0));
  if (f.sharding < BytesPerSecond(0)) reader.fault("sharding", "expected zero or more");
  f.iteration = read_cost(reader, "iteration");
  f.origin = reader.get<std::string>("origin", "");
  return f;
}

Value to_value(const Framework& f) {
  Value out;
  out["name"] = scalar_value(f.name);
  Value& host = out["host"];
  host["forward"] = seconds_value(f.host.forward);
  host["backward"] = seconds_value(f.host.backward);
  host["micro_batch"] = seconds_value(f.host.micro_batch);
  host["message"] = seconds_value(f.host.message);
  out["kernels"]["softmax"] = scalar_value(f.kernels.softmax);
  out["libraries"]["products"] = scalar_value(fmt::format("{}", f.libraries.products));
  out["libraries"]["streams"] = scalar_value(fmt::format("{}", f.libraries.streams));
  out["eager"] = to_value(f.eager);
  out["accumulation"] = scalar_value(enum_name(accumulation_names, f.accumulation));
  out["sharding"] = scalar_value(fmt::format("{} B/s", f.sharding.value()));
  out["iteration"] = seconds_value(f.iteration);
  return out;
}

}  // namespace rehearse
