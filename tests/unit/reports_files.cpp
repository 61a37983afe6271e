// CSV, and files written aside.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "tests/support/sample_result.hpp"

using namespace rehearse;
using namespace rehearse::testing;
namespace fs = std::filesystem;

namespace {

/// A folder of its own, gone at the end.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "rehearse-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }
  [[nodiscard]] auto count() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

std::string content(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(std::ostream& out) { out << "new"; }

std::string reason(const std::string& file) {
  try {
    write_output(file, put);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

}  // namespace

TEST_CASE("csv: a header and a row that match") {
  const std::string text = text_of([](std::ostream& out) { write_csv(sample_result(), out); });
  std::istringstream in(text);
  std::string header, row, rest;
  std::getline(in, header);
  std::getline(in, row);
  CHECK(!std::getline(in, rest));
  const auto names = fields(header), values = fields(row);
  REQUIRE(names.size() == values.size());
  std::map<std::string, std::string> by_name;
  for (std::size_t i = 0; i < names.size(); ++i) by_name[names[i]] = values[i];
  CHECK(by_name.size() == names.size());
  CHECK(row.starts_with("\"GPT, \"\"small\"\"\",0.0.0,48,"));
  CHECK(by_name["iteration_time_s"] == "0.006");
  CHECK(by_name["memory_optimizer_states_bytes"] == "32212254720");
  CHECK(by_name["memory_peak_bytes"] == "42949672960");
  CHECK(by_name["data_comm_s"] == "0.0003");
  CHECK(by_name["ops"] == "12345");
}

TEST_CASE("output: a new file, and an old one replaced whole") {
  const Folder folder;
  const std::string file = folder.file("out.txt");
  write_output(file, put);
  CHECK(content(file) == "new");
  std::ofstream(file) << "old and longer";
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  write_output(file, put);
  CHECK(content(file) == "new");
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(folder.count() == 1);
}

TEST_CASE("output: a failure leaves the old file and nothing else") {
  const Folder folder;
  const std::string file = folder.file("out.txt");
  std::ofstream(file) << "old";
  CHECK_THROWS_AS(write_output(file,
                               [](std::ostream& out) {
                                 out << "half";
                                 throw std::runtime_error("no");
                               }),
                  std::runtime_error);
  CHECK_THROWS_AS(write_output(file, [](std::ostream& out) { out.setstate(std::ios::badbit); }), InputError);
  CHECK(content(file) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("output: a symbolic link stays one") {
  const Folder folder;
  std::ofstream(folder.file("real")) << "old";
  fs::create_symlink(folder.file("real"), folder.file("link"));
  write_output(folder.file("link"), put);
  CHECK(fs::is_symlink(folder.file("link")));
  CHECK(content(folder.file("real")) == "new");
}

TEST_CASE("output: what cannot be written says why") {
  const Folder folder;
  CHECK(reason(folder.path.string()).find("it is a directory") != std::string::npos);
  CHECK(reason(folder.file("no/such/out.txt")).find("there is no folder") != std::string::npos);
  CHECK(reason("").find("empty") != std::string::npos);
  CHECK(reason(folder.file("out.txt")).empty());
  CHECK(reason(folder.file("out.txt") + "/x").find("there is no folder") != std::string::npos);
}

TEST_CASE("output: devices are written directly") {
  CHECK(reason("/dev/null").empty());
  CHECK(fs::is_character_file("/dev/null"));
  if (fs::exists("/dev/full")) CHECK(reason("/dev/full").find("No space left") != std::string::npos);
}

TEST_CASE("output: a file name without a folder goes to the current one") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  const std::string why = reason("plain.txt");
  fs::current_path(before);
  CHECK(why.empty());
  CHECK(content(folder.file("plain.txt")) == "new");
}
