#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "reports/yaml_scalar.hpp"
#include "tests/support/sample_result.hpp"

using namespace rehearse;
using namespace rehearse::testing;
using Json = nlohmann::ordered_json;

namespace {

std::string json_text(const Result& result) {
  return text_of([&](std::ostream& out) { write_json(result, out); });
}

Value scalar(const char* text, bool quoted = false) {
  Value value;
  value.type = Value::Type::scalar;
  value.text = text;
  value.quoted = quoted;
  return value;
}

Value mapping(std::vector<std::pair<const char*, Value>> items) {
  Value value;
  value.type = Value::Type::mapping;
  for (auto& [key, item] : items) {
    value.keys.emplace_back(key);
    value.items.push_back(std::move(item));
  }
  return value;
}

}  // namespace

TEST_CASE("json: the keys of the contract") {
  const std::string text = json_text(sample_result());
  CHECK(text.ends_with("}\n"));
  const Json json = Json::parse(text);
  CHECK(json["name"] == "GPT, \"small\"");
  CHECK(json["version"] == "0.0.0");
  CHECK(json["gpus"] == 48);
  CHECK(json["iteration_time_s"] == 0.006);
  CHECK(json["tokens_per_s"] == 123456.5);
  CHECK(json["samples_per_s"] == 60.25);
  CHECK(json["tflops_per_gpu"] == 139.25);
  CHECK(json["mfu"] == 0.3125);
  CHECK(json["hfu"] == 0.40625);
  CHECK(json["memory_peak_bytes"] == 42949672960);
  CHECK(json["memory_capacity_bytes"] == 85899345920);
  CHECK(json["memory"]["weights"] == 10737418240);
  CHECK(json["memory"].size() == 2);
  CHECK(json["memory_in_use_bytes"] == 42949672960);
  CHECK(json["memory_peak_at"]["largest"].empty());
  for (const char* key : {"compute", "tensor_comm", "pipeline_comm", "data_comm", "bubble", "optimizer"})
    CHECK(json["breakdown_s"].contains(key));
  CHECK(json["breakdown_s"]["optimizer"] == 0.001);
  CHECK(json["ops"] == 12345);
  CHECK(json["flows"] == 3);
  CHECK(json["collectives"] == 1);
  CHECK(json["replayed_collectives"] == 0);
  CHECK(json["simulated_gpus"][1]["gpu"] == 12);
  CHECK(json["simulated_gpus"][1]["members"] == 24);
  CHECK(json["simulated_gpus"][1]["breakdown_s"]["compute"] == 0);
  const Json uses = json["simulated_gpus"][1]["collectives"];
  CHECK(uses == Json::parse(R"([{"group": "data", "op": "all_reduce", "kind": "data_comm", "ranks": 1024, "nodes": 128,
      "algorithm": "nccl_tree", "protocol": "ll128", "channels": 8, "fidelity": "fluid", "calls": 13,
      "bytes": 5000000.0}])"));
  CHECK(json["simulated_gpus"][0]["collectives"].empty());
  CHECK(json["simulated_gpus"][1]["gradient_tensors"] == 388);
  CHECK(json["simulated_gpus"][1]["gradient_reductions"] == 13);
  CHECK(json["bounds"][0]["ratio"] == 1.2);
  CHECK(json["hottest_links"][0]["name"] == "cable");
  CHECK(json["hottest_links"][0]["utilisation"] == 0.15);
  CHECK(json["notes"].size() == 1);
  CHECK(json["wall_s"] == 0.125);
}

TEST_CASE("json: jobs, one or several") {
  const Json one = Json::parse(json_text(sample_result()))["jobs"];
  REQUIRE(one.size() == 1);
  CHECK(one[0]["name"] == Json::parse(json_text(sample_result()))["name"]);
  const Json json = Json::parse(json_text(two_jobs()));
  REQUIRE(json["jobs"].size() == 2);
  CHECK(json["jobs"][1]["name"] == "small 1");
  CHECK(json["jobs"][1]["gpus"] == 16);
  CHECK(json["jobs"][1]["start_s"] == 0.003);
  CHECK(json["jobs"][1]["end_s"] == 0.006);
  CHECK(json["jobs"][1]["iterations_s"] == Json::parse("[0.001, 0.002]"));
  CHECK(json["jobs"][0]["alone_s"] == 0.005);
  CHECK(json["jobs"][0]["together_s"] == 0.006);
  CHECK(json["jobs"][0]["slowdown"] == 0.006 / 0.005);
  CHECK(json["jobs"][0]["breakdown_s"]["compute"] == 0.004);
  for (const char* key : {"parameters", "tokens_per_s", "samples_per_s", "tflops_per_gpu", "mfu", "hfu"})
    CHECK(json["jobs"][0].contains(key));
  CHECK(json["memory_job"] == 1);
  CHECK(json["simulated_gpus"][1]["job"] == 1);
}

TEST_CASE("json: the same result is the same text, wall time apart") {
  Result a = sample_result(), b = sample_result();
  CHECK(json_text(a) == json_text(b));
  b.wall = Seconds(3);
  Json left = Json::parse(json_text(a)), right = Json::parse(json_text(b));
  left.erase("wall_s");
  right.erase("wall_s");
  CHECK(left.dump() == right.dump());
}

TEST_CASE("json: doubles are as short as they can be and read back the same") {
  Result result = sample_result();
  result.tokens_per_s = 0.1;
  result.samples_per_s = 1.0 / 3;
  result.mfu = std::numeric_limits<double>::quiet_NaN();
  const std::string text = json_text(result);
  CHECK(text.find("\"tokens_per_s\": 0.1,") != std::string::npos);
  CHECK(text.find("\"mfu\": null,") != std::string::npos);
  CHECK(Json::parse(text)["samples_per_s"].get<double>() == 1.0 / 3);
}

TEST_CASE("json: the scenario keeps its types and its order") {
  Result result = sample_result();
  Value list;
  list.type = Value::Type::sequence;
  list.items = {scalar("1"), scalar("two"), Value{}};
  result.scenario = mapping({{"zero", scalar("0")},
                             {"plan", mapping({{"sequence_parallel", scalar("false")}, {"ratio", scalar("1.50")}})},
                             {"bandwidth", scalar("600 GB/s")},
                             {"quoted", scalar("8", true)},
                             {"list", list},
                             {"empty", mapping({})}});
  CHECK(Json::parse(json_text(result))["scenario"].dump() ==
        R"({"zero":0,"plan":{"sequence_parallel":false,"ratio":1.5},"bandwidth":"600 GB/s","quoted":"8",)"
        R"("list":[1,"two",null],"empty":{}})");
}

TEST_CASE("json: text that is not UTF-8 does no harm") {
  Result result = sample_result();
  result.name = "bad \xff byte";
  CHECK(Json::parse(json_text(result))["name"].get<std::string>().starts_with("bad "));
}

TEST_CASE("yaml scalars: the core schema") {
  using S = TypedScalar;
  const std::vector<std::pair<const char*, S>> cases{{"", nullptr},
                                                     {"~", nullptr},
                                                     {"null", nullptr},
                                                     {"Null", nullptr},
                                                     {"nULL", std::string("nULL")},
                                                     {"true", true},
                                                     {"False", false},
                                                     {"yes", std::string("yes")},
                                                     {"0", std::int64_t{0}},
                                                     {"-12", std::int64_t{-12}},
                                                     {"+7", std::int64_t{7}},
                                                     {"007", std::int64_t{7}},
                                                     {"0x1F", std::int64_t{31}},
                                                     {"0o17", std::int64_t{15}},
                                                     {"0x", std::string("0x")},
                                                     {"1.5", 1.5},
                                                     {"1e3", 1000.0},
                                                     {".5", 0.5},
                                                     {"1.", 1.0},
                                                     {"-1.5E-2", -0.015},
                                                     {"99999999999999999999", 1e20},
                                                     {"1e999", std::string("1e999")},
                                                     {".", std::string(".")},
                                                     {"-", std::string("-")},
                                                     {"+-1", std::string("+-1")},
                                                     {"1-2", std::string("1-2")},
                                                     {"1e", std::string("1e")},
                                                     {".inf", std::string(".inf")},
                                                     {"inf", std::string("inf")},
                                                     {"nan", std::string("nan")},
                                                     {"1 KiB", std::string("1 KiB")},
                                                     {"2024-01-02", std::string("2024-01-02")}};
  for (const auto& scalar_case : cases)
    CHECK_MESSAGE(typed_scalar(scalar_case.first) == scalar_case.second, scalar_case.first);
}
