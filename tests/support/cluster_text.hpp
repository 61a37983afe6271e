// For tests: clusters from YAML text, and what is wrong with such text.
#pragma once

#include <string>

#include "platforms/cluster.hpp"

namespace rehearse::testing {

inline Cluster cluster_of(const std::string& yaml) {
  Reader reader(parse_yaml(yaml, "test.yaml"), "cluster");
  Cluster cluster = Cluster::read(reader);
  reader.finish();
  return cluster;
}

/// All faults; empty: none.
inline std::string cluster_faults(const std::string& yaml) {
  try {
    cluster_of(yaml);
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

}  // namespace rehearse::testing
