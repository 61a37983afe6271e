#include "workloads/framework.hpp"

#include <fmt/format.h>

namespace rehearse {

namespace {

Seconds read_cost(Reader& reader, std::string_view key) {
  const auto cost = reader.get<Seconds>(key, Seconds(0));
  if (cost < Seconds(0)) reader.fault(key, "expected zero or more");
  return cost;
}

FrameworkKernels read_kernels(Reader reader) {
  FrameworkKernels kernels;
  const bool eager = reader.get_name("style", "style of kernels", {"fused", "eager"}, "fused") == "eager";
  kernels.style = eager ? KernelStyle::eager : KernelStyle::fused;
  kernels.autocast = reader.get<bool>("autocast", false);
  kernels.recompute_stops_early = reader.get<bool>("recompute_stops_early", false);
  kernels.origin = reader.get<std::string>("origin", "");
  if (kernels.autocast && !eager) reader.fault("autocast", "has a meaning with `style: eager` only");
  return kernels;
}

Value to_value(const FrameworkKernels& kernels) {
  Value out;
  out["style"] = scalar_value(std::string(kernels.style == KernelStyle::eager ? "eager" : "fused"));
  out["autocast"] = scalar_value(kernels.autocast);
  out["recompute_stops_early"] = scalar_value(kernels.recompute_stops_early);
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
  if (host.has("ahead")) f.host.ahead = host.get_at_least("ahead", 1);
  f.host.origin = host.get<std::string>("origin", "");
  f.kernels = read_kernels(reader.child("kernels"));
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
  if (f.host.ahead) host["ahead"] = scalar_value(*f.host.ahead);
  out["kernels"] = to_value(f.kernels);
  out["iteration"] = seconds_value(f.iteration);
  return out;
}

}  // namespace rehearse
