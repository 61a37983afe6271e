#include "workloads/framework.hpp"

#include <fmt/format.h>

namespace rehearse {

namespace {

Seconds read_cost(Reader& reader, std::string_view key) {
  const auto cost = reader.get<Seconds>(key, Seconds(0));
  if (cost < Seconds(0)) reader.fault(key, "expected zero or more");
  return cost;
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
  out["iteration"] = seconds_value(f.iteration);
  return out;
}

}  // namespace rehearse
