// Catalogues: where the folders are, and how an entry that has a base is laid over it.
#include "platforms/catalogue.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "engine/base/table.hpp"

namespace rehearse {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string_view catalogue;
  std::string_view entry;   // what one is called in messages
  std::string_view source;  // its folder in the source tree
};
constexpr std::array<Folder, 7> folders{{{"devices", "device", "platforms/devices"},
                                         {"nodes", "node", "platforms/nodes"},
                                         {"clusters", "cluster", "platforms/clusters"},
                                         {"models", "model", "workloads/models"},
                                         {"frameworks", "framework", "workloads/frameworks"},
                                         {"scenarios", "scenario", "scenarios"},
                                         {"studies", "study", "scenarios/studies"}}};

const Folder& folder_of(const std::string& catalogue) {
  for (const Folder& folder : folders)
    if (folder.catalogue == catalogue) return folder;
  throw std::invalid_argument("no such catalogue: " + catalogue);
}

bool is_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".yaml"); }

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error))
    if (file.path().extension() == ".yaml") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

Fault at(const Fault& where, std::string message) {
  return {where.file, where.line, where.key_path, std::move(message)};
}

// A relative path is sought beside the file that names it, then from the working directory.
fs::path find_path(const std::string& name, const Fault& where) {
  std::error_code error;
  if (fs::path beside = fs::path(where.file).parent_path() / name; fs::is_regular_file(beside, error)) return beside;
  if (!fs::is_regular_file(name, error)) throw InputError({at(where, "no such file: '" + name + "'")});
  return name;
}

Value without(Value mapping, std::string_view key) {
  const auto found = std::find(mapping.keys.begin(), mapping.keys.end(), key);
  if (found == mapping.keys.end()) return mapping;
  mapping.items.erase(mapping.items.begin() + (found - mapping.keys.begin()));
  mapping.keys.erase(found);
  return mapping;
}

// `trail`: the bases that led here.
Value resolve(const std::string& catalogue, const Value& value, const std::string& key_path,
              std::vector<std::string>& trail) {
  const Fault where{value.file, value.line, key_path, {}};
  if (value.type == Value::Type::mapping) {
    const Value* base = value.find("base");
    if (base == nullptr) return value;
    if (base->type != Value::Type::scalar)
      throw InputError({{base->file, base->line, key_path + ".base",
                         "expected the name of a " + std::string(folder_of(catalogue).entry)}});
    return overlay(resolve(catalogue, *base, key_path, trail), without(value, "base"));
  }
  const std::string entry(folder_of(catalogue).entry);
  if (value.type != Value::Type::scalar)
    throw InputError(
        {at(where, "expected the name of a " + entry + ", or a mapping (with a `base` to start from one)")});
  const bool again = std::find(trail.begin(), trail.end(), value.text) != trail.end();
  trail.push_back(value.text);
  if (again) {
    std::string round;
    for (const std::string& name : trail) round += (round.empty() ? "" : " -> ") + name;
    throw InputError({at(where, "the bases go round in a circle: " + round)});
  }
  const Value loaded = load_entry(catalogue, value.text, where);
  if (loaded.type != Value::Type::mapping)
    throw InputError({at(where, "'" + value.text + "' (" + loaded.file + ") is not a mapping")});
  return resolve(catalogue, loaded, key_path, trail);
}

}  // namespace

fs::path program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();  // empty after an error
}

fs::path catalogue_folder(const std::string& catalogue) {
  const Folder& folder = folder_of(catalogue);
  if (const char* data = std::getenv("REHEARSE_DATA"); data != nullptr && *data != '\0')
    return fs::path(data) / catalogue;
  std::error_code error;
  const fs::path bin = program_folder();
  if (fs::path installed = bin.parent_path() / "share" / "rehearse" / catalogue;
      !bin.empty() && fs::is_directory(installed, error))
    return installed;
  return fs::path(REHEARSE_SOURCE_DIR) / folder.source;
}

std::vector<CatalogueEntry> list_catalogue(const std::string& catalogue) {
  const fs::path folder = catalogue_folder(catalogue);
  std::vector<CatalogueEntry> entries;
  for (const std::string& name : names_in(folder)) {
    const Value value = load_yaml(folder / (name + ".yaml"));
    const Value* description = value.find("description");
    entries.push_back({name, description == nullptr ? std::string{} : description->text});
  }
  return entries;
}

Value load_entry(const std::string& catalogue, const std::string& name_or_path, const Fault& where) {
  if (is_path(name_or_path)) return load_yaml(find_path(name_or_path, where));
  const fs::path folder = catalogue_folder(catalogue);
  const std::vector<std::string> names = names_in(folder);
  if (std::find(names.begin(), names.end(), name_or_path) != names.end())
    return load_yaml(folder / (name_or_path + ".yaml"));
  std::string message = unknown_name(folder_of(catalogue).entry, name_or_path, names);
  if (names.empty()) message += " (there are none in " + folder.string() + ")";
  throw InputError({at(where, std::move(message))});
}

Value resolve_entry(const std::string& catalogue, const Value& name_or_mapping, const std::string& key_path) {
  std::vector<std::string> trail;
  return resolve(catalogue, name_or_mapping, key_path, trail);
}

}  // namespace rehearse
