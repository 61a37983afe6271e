// The reports of collectives on points made by hand.
#include <doctest/doctest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/collective_report.hpp"
#include "reports/collective_table.hpp"
#include "tests/support/sample_result.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

CollectivePoint point(const char* algorithm, std::int64_t bytes, double microseconds, std::uint32_t ranks = 4) {
  CollectivePoint p;
  p.ranks = ranks;
  p.nodes = 1;
  p.bytes = Bytes(bytes);
  p.elements = bytes / 4;
  p.algorithm = algorithm;
  p.protocol = Protocol::simple;
  p.channels = 2;
  p.flows = 24;
  p.start = Seconds(1e-6);
  p.time = Seconds(microseconds * 1e-6);
  return p;
}

CollectiveResult sample(std::vector<CollectivePoint> points, const std::string& more = {}) {
  const std::string yaml = "cluster: dgx-a100\nalgorithm: all\nbytes: 1KiB:1MiB\nstep_factor: 1024\n" + more;
  return {read_collective_job(parse_yaml(yaml, "job.yaml")), std::move(points), Seconds(0.25)};
}

CollectiveResult four_points() {
  return sample(
      {point("tree", 1024, 10), point("ring", 1024, 20.5), point("ring", 1048576, 100), point("tree", 1048576, 150)});
}

std::string text(const CollectiveResult& result) {
  return text_of([&](std::ostream& out) { write_collective_text(result, out); });
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// Words of the lines that are no comments.
std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with('#')) rows.push_back(words_of(line));
  return rows;
}

/// Words of the comment that begins with these.
std::vector<std::string> comment(const std::string& text, const std::string& first) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (const std::vector<std::string> words = words_of(line); words.size() > 1 && words[0] == "#" && words[1] == first)
      return words;
  return {};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("collective text: short numbers") {
  CHECK(microseconds(Seconds(0)) == "0.00");
  CHECK(microseconds(Seconds(1.2345e-6)) == "1.23");
  CHECK(microseconds(Seconds(12.346e-6)) == "12.35");
  CHECK(microseconds(Seconds(123.456e-6)) == "123.5");
  CHECK(microseconds(Seconds(1.234567)) == "1234567");
  CHECK(gigabytes_per_second(131.07e9) == "131.1");
}

TEST_CASE("collective text: a row for each point, as nccl-tests prints it") {
  const std::string out = text(four_points());
  CHECK(comment(out, "size") ==
        Words{"#", "size", "count", "type", "redop", "algorithm", "protocol", "channels", "time", "algbw", "busbw"});
  const auto rows = rows_of(out);
  REQUIRE(rows.size() == 6);  // two more of the table that picks the winner
  CHECK(rows[0] == Words{"1024", "256", "float", "sum", "tree", "simple", "2", "10.00", "0.10", "0.15"});
  CHECK(rows[2] == Words{"1048576", "262144", "float", "sum", "ring", "simple", "2", "100.0", "10.49", "15.73"});
  CHECK(out.find("fitted") != std::string::npos);  // where the node's numbers come from
  CHECK(out.find("datasheet") != std::string::npos);
}

TEST_CASE("collective text: columns where they apply") {
  CollectiveResult result = sample({point("ring", 1024, 10)}, "op: broadcast\nroot: 3\nranks: 4:8\n");
  result.points[0].measured = CollectiveMeasurement{Seconds(33e-6), 2};
  const std::string out = text(result);
  CHECK(comment(out, "ranks") == Words{"#", "ranks", "size", "count", "type", "root", "algorithm", "protocol",
                                       "channels", "time", "algbw", "busbw", "measured", "#wrong"});
  CHECK(rows_of(out)[0] ==
        Words{"4", "1024", "256", "float", "3", "ring", "simple", "2", "10.00", "0.10", "0.15", "33.00", "2"});
}

TEST_CASE("collective winners: times by algorithm, the quickest marked") {
  const auto rows = rows_of(text(four_points()));
  CHECK(rows[4] == Words{"1", "KiB", "20.50", "10.00*"});
  CHECK(rows[5] == Words{"1", "MiB", "100.0*", "150.0"});
}

TEST_CASE("collective winners: names by ranks") {
  const auto rows = rows_of(text(sample(
      {point("tree", 1024, 10, 4), point("ring", 1024, 20, 4), point("ring", 1024, 30, 8), point("tree", 1024, 40, 8)},
      "ranks: 4:8\n")));
  CHECK(rows.back() == Words{"1", "KiB", "tree", "ring"});
}

TEST_CASE("collective winners: nothing to choose, no table") {
  const CollectiveResult one = sample({point("ring", 1024, 10)});
  CHECK(text_of([&](std::ostream& out) { write_collective_winners(one, out); }).empty());
}

TEST_CASE("collective json: the job and its points") {
  CollectiveResult result = four_points();
  result.points[1].measured = CollectiveMeasurement{Seconds(33e-6), 2};
  const auto json = nlohmann::json::parse(text_of([&](std::ostream& out) { write_collective_json(result, out); }));
  for (const char* key : {"version", "op", "cluster", "ranks", "datatype", "fidelity", "results", "wall_s"})
    CHECK_MESSAGE(json.contains(key), key);
  CHECK(json["op"] == "all_reduce");
  CHECK(json["ranks"] == 8);
  CHECK(json["cluster"]["node"]["gpus"] == 8);
  REQUIRE(json["results"].size() == 4);
  const auto& tree = json["results"][0];
  CHECK(tree["algorithm"] == "tree");
  CHECK(tree["protocol"] == "simple");
  CHECK(tree["channels"] == 2);
  CHECK(tree["chunks"] == 1);
  CHECK(tree["num_nodes"] == 4);
  CHECK(tree["nodes"] == 1);
  CHECK(tree["bytes"] == 1024);
  CHECK(tree["elements"] == 256);
  CHECK(tree["time"].get<double>() == doctest::Approx(1e-5));
  CHECK(tree["time_us"].get<double>() == doctest::Approx(10));
  CHECK(tree["algbw_gbps"].get<double>() == doctest::Approx(0.1024));
  CHECK(tree["busbw_gbps"].get<double>() == doctest::Approx(0.1536));
  CHECK(tree["flows"] == 24);
  CHECK(tree["start_s"].get<double>() == doctest::Approx(1e-6));
  CHECK(!tree.contains("wrong"));
  CHECK(json["results"][1]["wrong"] == 2);
  CHECK(json["results"][1]["measured_s"].get<double>() == doctest::Approx(33e-6));
}

TEST_CASE("collective csv: the columns of tables of algorithms come first") {
  const std::string out = text_of([](std::ostream& o) { write_collective_csv(four_points(), o); });
  std::istringstream in(out);
  std::string header, first;
  std::getline(in, header);
  std::getline(in, first);
  CHECK(header.starts_with("algorithm,time,num_nodes,bytes,"));
  CHECK(first.starts_with(fmt::format("tree,{},4,1024,all_reduce,float,256,256,1,simple,2,1,flow,", 10 * 1e-6)));
  CHECK(std::ranges::count(header, ',') == std::ranges::count(first, ','));
  CHECK(std::ranges::count(out, '\n') == 5);
}

TEST_CASE("collective explanation: the chosen one, and why") {
  const CollectiveJob job = read_collective_job(parse_yaml("cluster: dgx-a100\nranks: 4\n", "job.yaml"));
  const CollectiveGroup group = group_of(job, 4);
  static constexpr CollectiveRow tree{"tree", CollectiveOp::all_reduce, "", nullptr};
  static constexpr CollectiveRow ring{"ring", CollectiveOp::all_reduce, "", nullptr};
  const auto candidate = [](const CollectiveRow& row, double latency, double bandwidth) {
    CollectiveCandidate c{};
    c.way.row = &row;
    c.way.protocol = Protocol::ll;
    c.start = Seconds(1e-6);
    c.latency = Seconds(latency * 1e-6);
    c.bandwidth = Seconds(bandwidth * 1e-6);
    c.busiest = "nvlink";
    return c;
  };
  const std::vector<CollectiveCandidate> candidates{candidate(tree, 10, 5), candidate(ring, 20, 2)};
  const std::string out = text_of([&](std::ostream& o) {
    write_collective_explanation(group, {CollectiveOp::all_reduce, 256, 4, 0}, candidates, o);
  });
  CHECK(out.find("all_reduce of 1024 B on 4 ranks") != std::string::npos);
  const auto rows = rows_of(out);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] == Words{"*", "tree", "ll", "1", "1", "1.00", "10.00", "5.00", "16.00", "nvlink"});
  CHECK(rows[1] == Words{"ring", "ll", "1", "1", "1.00", "20.00", "2.00", "23.00", "nvlink"});
  CHECK(
      out.find("tree with ll, 1 channel and 1 chunk is expected to take 16 us, 7 us less than ring with ll, 1 channel "
               "and 1 chunk: 10 us less for latency, but 3 us more for bandwidth") != std::string::npos);
}
