// Catalogues: YAML files in the folder that owns them, found from the build tree and from an installed prefix alike.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/document.hpp"

namespace rehearse {

/// Where the running program lies; empty where that cannot be known.
std::filesystem::path program_folder();

/// "devices", "nodes", "clusters" (platforms/), "models", "frameworks" (workloads/), "scenarios", "studies"
/// (scenarios/). The folder: $REHEARSE_DATA/SUB if set, else PREFIX/share/rehearse/SUB beside the running program, else
/// the source tree that the build was made from.
std::filesystem::path catalogue_folder(const std::string& catalogue);

struct CatalogueEntry {
  std::string name;         ///< file name without .yaml
  std::string description;  ///< the file's `description` key
};
std::vector<CatalogueEntry> list_catalogue(const std::string& catalogue);

/// The entry's YAML. A name that has a '/' or ends in .yaml is a path instead. An unknown name is an InputError whose
/// fault lists the names and the nearest; `where` gives it file, line and key path.
Value load_entry(const std::string& catalogue, const std::string& name_or_path, const Fault& where = {});

/// What a scenario may write: a catalogue name, or a mapping {base: NAME, key: value, ...} laid over the entry.
/// Bases are resolved recursively (an entry may itself have a `base`).
Value resolve_entry(const std::string& catalogue, const Value& name_or_mapping, const std::string& key_path);

}  // namespace rehearse
