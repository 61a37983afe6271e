// Catalogues: entries found, laid over their bases, and what is said of names that are none.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platforms/catalogue.hpp"

namespace rehearse {
namespace {

namespace fs = std::filesystem;

// A folder of catalogues for one test, that $REHEARSE_DATA names.
class DataFolder {
 public:
  DataFolder() : path_(fs::temp_directory_path() / ("rehearse-catalogue-" + std::to_string(::getpid()))) {
    fs::create_directories(path_ / "nodes");
    ::setenv("REHEARSE_DATA", path_.c_str(), 1);
  }
  ~DataFolder() {
    ::unsetenv("REHEARSE_DATA");
    fs::remove_all(path_);
  }
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  void write(const std::string& file, const std::string& text) const { std::ofstream(path_ / file) << text; }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string fault_of(const std::string& catalogue, const std::string& yaml) {
  try {
    resolve_entry(catalogue, parse_yaml(yaml, "test.yaml"), "key");
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("catalogue: every entry of the source tree has a description and resolves") {
  for (const char* catalogue : {"devices", "nodes", "clusters"}) {
    const std::vector<CatalogueEntry> entries = list_catalogue(catalogue);
    CHECK_FALSE(entries.empty());
    for (const CatalogueEntry& entry : entries) {
      CAPTURE(entry.name);
      CHECK_FALSE(entry.description.empty());
      const Value value = resolve_entry(catalogue, parse_yaml(entry.name, "test.yaml"), "key");
      CHECK(value.type == Value::Type::mapping);
      CHECK(value.find("base") == nullptr);
    }
  }
  CHECK_THROWS_AS(list_catalogue("recipes"), std::invalid_argument);
}

TEST_CASE("catalogue: $REHEARSE_DATA, bases of bases, and leaves that keep their file") {
  const DataFolder data;
  data.write("nodes/plain.yaml", "description: plain\ngpus: 8\nnic: {count: 8, bandwidth: 200 Gb/s}\n");
  data.write("nodes/middle.yaml", "base: plain\nnic: {count: 4}\n");
  data.write("nodes/not-this.txt", "gpus: 1\n");
  const std::vector<CatalogueEntry> entries = list_catalogue("nodes");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].name == "middle");
  CHECK(entries[1].description == "plain");
  CHECK(list_catalogue("devices").empty());

  const Value value = resolve_entry("nodes", parse_yaml("{base: middle, gpus: 2}", "test.yaml"), "key");
  CHECK(value.find("base") == nullptr);
  CHECK(value.find("gpus")->text == "2");
  CHECK(value.find("gpus")->file == "test.yaml");
  CHECK(value.find("nic")->find("count")->text == "4");
  CHECK(contains(value.find("nic")->find("count")->file, "middle.yaml"));
  CHECK(value.find("nic")->find("bandwidth")->text == "200 Gb/s");
  CHECK(value.find("description")->text == "plain");
}

TEST_CASE("catalogue: paths, beside the file that names them") {
  const DataFolder data;
  data.write("nodes/plain.yaml", "gpus: 8\n");
  data.write("mine.yaml", "base: plain\ngpus: 3\n");
  const std::string path = (data.path() / "mine.yaml").string();
  CHECK(resolve_entry("nodes", parse_yaml(path, "test.yaml"), "key").find("gpus")->text == "3");
  const std::string scenario = (data.path() / "scenario.yaml").string();
  CHECK(resolve_entry("nodes", parse_yaml("mine.yaml", scenario), "key").find("gpus")->text == "3");
  CHECK(contains(fault_of("nodes", "missing.yaml"), "no such file: 'missing.yaml'"));
}

TEST_CASE("catalogue: faults name the place, the alternatives and the nearest") {
  const std::string unknown = fault_of("nodes", "\n\ndgx-a10O");
  CHECK(contains(unknown, "test.yaml:3: key: unknown node 'dgx-a10O'; did you mean 'dgx-a100'"));
  CHECK(contains(unknown, "single-a100"));
  CHECK(contains(fault_of("nodes", "[dgx-a100]"), "expected the name of a node, or a mapping"));
  CHECK(contains(fault_of("nodes", "{base: [dgx-a100]}"), "key.base: expected the name of a node"));

  const DataFolder data;
  CHECK(contains(fault_of("nodes", "any"), "there are none in"));
  data.write("nodes/a.yaml", "base: b\n");
  data.write("nodes/b.yaml", "base: a\n");
  CHECK(contains(fault_of("nodes", "a"), "a -> b -> a"));
}

}  // namespace
}  // namespace rehearse
