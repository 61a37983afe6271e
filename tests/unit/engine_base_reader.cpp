#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/document.hpp"

using namespace rehearse;

namespace {

Reader reader_of(const std::string& text) { return Reader(parse_yaml(text, "f.yaml"), "scenario"); }

/// What `finish` throws after `read` has read, or "".
std::string faults_of(const std::string& text, const std::function<void(Reader&)>& read) {
  Reader reader = reader_of(text);
  read(reader);
  try {
    reader.finish();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

template <class T>
std::string fault_of(const std::string& text) {
  return faults_of("k: " + text, [](Reader& r) { static_cast<void>(r.get<T>("k")); });
}

}  // namespace

TEST_CASE("values as types") {
  Reader r = reader_of(
      "{s: text, n: 5, q: '7', b: true, f: false, i: -12, p: +3, d: 1.5e-3, w: 4, t: 3 us, z: 80 GiB, r: 200 Gb/s, "
      "o: 2 TFLOP, h: 312 TFLOP/s}");
  CHECK(r.get<std::string>("s") == "text");
  CHECK(r.get<std::string>("n") == "5");
  CHECK(r.get<std::string>("q") == "7");
  CHECK(r.get<bool>("b"));
  CHECK_FALSE(r.get<bool>("f"));
  CHECK(r.get<std::int64_t>("i") == -12);
  CHECK(r.get<std::int64_t>("p") == 3);
  CHECK(r.get<double>("d") == 1.5e-3);
  CHECK(r.get<double>("w") == 4.0);
  CHECK(r.get<Seconds>("t") == Seconds(3e-6));
  CHECK(r.get<Bytes>("z") == Bytes(80LL << 30));
  CHECK(r.get<BytesPerSecond>("r") == BytesPerSecond(25e9));
  CHECK(r.get<Flops>("o") == Flops(2e12));
  CHECK(r.get<FlopsPerSecond>("h") == FlopsPerSecond(312e12));
  CHECK(r.get<std::int64_t>("absent", 9) == 9);
  CHECK(r.get<std::string>("absent", "x") == "x");
  CHECK(r.get<Seconds>("absent", Seconds(2.0)) == Seconds(2.0));
  CHECK(r.get_positive<Bytes>("z") == Bytes(80LL << 30));
  CHECK(r.get_positive<double>("absent", 0.5) == 0.5);
  CHECK(r.get_at_least("n", 5) == 5);
  CHECK(r.get_at_least("absent", 5, 1) == 1);
  CHECK(r.get_name("s", "word", {"other", "text"}) == "text");
  CHECK(r.get_name("absent", "word", {"other", "text"}, "other") == "other");
  CHECK_FALSE(r.any_fault());
  CHECK_NOTHROW(r.finish());
}

TEST_CASE("type mismatches say what was found and expected") {
  CHECK(fault_of<std::int64_t>("x") == "f.yaml:1: k: expected a whole number, found 'x'");
  for (const char* text : {"1.5", "1e3", "4.0", "1_000", "0x10", "--5", "+-5", "+", "5 GB", "true", "inf"})
    CHECK(fault_of<std::int64_t>(text) == std::string("f.yaml:1: k: expected a whole number, found '") + text + "'");
  CHECK(fault_of<std::int64_t>("'5'") == "f.yaml:1: k: expected a whole number, found the text '5'");
  CHECK(fault_of<std::int64_t>("9223372036854775808") ==
        "f.yaml:1: k: expected a whole number, found '9223372036854775808', which is out of range");
  CHECK(fault_of<std::int64_t>("[1]") == "f.yaml:1: k: expected a whole number, found a list");
  CHECK(fault_of<std::int64_t>("{a: 1}") == "f.yaml:1: k: expected a whole number, found a mapping");
  CHECK(fault_of<std::string>("[{a: 1}]") == "f.yaml:1: k: expected a text, found a list");
  for (const char* text : {"nan", "inf", "-inf", "infinity", ".inf", "1,5", "1.5x", "50%"})
    CHECK(fault_of<double>(text) == std::string("f.yaml:1: k: expected a number, found '") + text + "'");
  CHECK(fault_of<double>("1e999") == "f.yaml:1: k: expected a number, found '1e999', which is out of range");
  for (const char* text : {"yes", "True", "on", "1"})
    CHECK(fault_of<bool>(text) == std::string("f.yaml:1: k: expected true or false, found '") + text + "'");
  CHECK(fault_of<bool>("'true'") == "f.yaml:1: k: expected true or false, found the text 'true'");
  CHECK(fault_of<BytesPerSecond>("600") == "f.yaml:1: k: missing unit: expected e.g. '600 GB/s'");
  CHECK(fault_of<Seconds>("3 GB") == "f.yaml:1: k: unknown unit 'GB': expected e.g. '3 us'");
  CHECK(fault_of<Bytes>("{}") == "f.yaml:1: k: expected a size, e.g. '80 GiB', found a mapping");
  CHECK(fault_of<std::int64_t>(std::string(500, 'x')).size() < 150);
}

TEST_CASE("what is missing") {
  CHECK(fault_of<std::string>("") == "f.yaml:1: k: missing; expected a text");
  CHECK(fault_of<Bytes>("~") == "f.yaml:1: k: missing; expected a size, e.g. '80 GiB'");
  CHECK(faults_of("\nplan:\n  x: 1\n",
                  [](Reader& r) {
                    Reader plan = r.child("plan", true);
                    plan.get<std::int64_t>("x");
                    plan.get<std::int64_t>("tensor");
                    plan.get_name("kind", "schedule", {"gpipe", "1f1b"});
                  }) ==
        "f.yaml:2: plan.tensor: missing; expected a whole number\n"
        "f.yaml:2: plan.kind: missing; expected a schedule: one of: gpipe, 1f1b");
  CHECK(faults_of("", [](Reader& r) { r.get<std::string>("name"); }) == "f.yaml: name: missing; expected a text");
}

TEST_CASE("a missing child is one fault, whatever is asked of it") {
  CHECK(faults_of("a: 1\n", [](Reader& r) {
          r.get<std::int64_t>("a");
          Reader plan = r.child("plan", true);
          CHECK(plan.get<std::int64_t>("tensor") == 0);
          CHECK(plan.get_positive<Seconds>("t") == Seconds(1.0));
          CHECK(plan.get_at_least("n", 3) == 3);
          CHECK(plan.items().empty());
          plan.child("deep").get<std::string>("x");
          plan.fault("tensor", "does not divide");
        }) == "f.yaml:1: plan: missing; expected a value");
  CHECK(faults_of("a:\n", [](Reader& r) {
          Reader a = r.child("a");
          CHECK(a.is_mapping());
          CHECK(a.get<std::int64_t>("n", 2) == 2);
          CHECK(a.items().empty());
          a.child("b").get<std::int64_t>("m");
        }) == "f.yaml:1: a.b.m: missing; expected a whole number");
}

TEST_CASE("ranges and names") {
  CHECK(faults_of("{n: 0, t: -3 us, z: 0 B, s: rnig, m: 0}",
                  [](Reader& r) {
                    CHECK(r.get_at_least("n", 1) == 1);
                    CHECK(r.get_at_least("m", 1, 7) == 7);
                    CHECK(r.get_positive<Seconds>("t").value() > 0.0);
                    CHECK(r.get_positive<Bytes>("z", Bytes(5)) == Bytes(5));
                    r.get_name("s", "algorithm", {"ring", "tree"});
                  }) ==
        "f.yaml:1: n: expected at least 1, found 0\n"
        "f.yaml:1: m: expected at least 1, found 0\n"
        "f.yaml:1: t: expected more than zero, found '-3 us'\n"
        "f.yaml:1: z: expected more than zero, found '0 B'\n"
        "f.yaml:1: s: unknown algorithm 'rnig'; did you mean 'ring'? one of: ring, tree");
}

TEST_CASE("lists") {
  CHECK(faults_of("links:\n  - {name: a}\n  - {name: [b], nmae: c}\n  - 5\n  - ~\n",
                  [](Reader& r) {
                    std::vector<Reader> items = r.child("links").items();
                    REQUIRE(items.size() == 4);
                    CHECK(items[0].get<std::string>("name") == "a");
                    CHECK(items[1].key_path() == "links.1");
                    items[1].get<std::string>("name");
                    items[2].get<std::string>("name");
                    items[2].get<std::string>("kind");
                    items[3].as<std::string>();
                  }) ==
        "f.yaml:3: links.1.name: expected a text, found a list\n"
        "f.yaml:3: links.1.nmae: unknown key; did you mean 'name'? the scenario takes here: name\n"
        "f.yaml:4: links.2: expected a mapping with the key 'name', found '5'\n"
        "f.yaml:5: links.3: expected a text, found nothing");
  CHECK(faults_of("{a: [1, x], b: 5, c: {d: 1}}",
                  [](Reader& r) {
                    std::vector<Reader> items = r.child("a").items();
                    CHECK(items.at(0).as<std::int64_t>() == 1);
                    items.at(1).as<double>();
                    CHECK(r.child("b").items().empty());
                    CHECK(r.child("c").items().empty());
                  }) ==
        "f.yaml:1: a.1: expected a number, found 'x'\n"
        "f.yaml:1: b: expected a list, found '5'\n"
        "f.yaml:1: c: expected a list, found a mapping");
}

TEST_CASE("a scalar where a mapping is due") {
  CHECK(faults_of("plan: 8", [](Reader& r) {
          Reader plan = r.child("plan", true);
          CHECK(plan.is_scalar());
          CHECK_FALSE(plan.has("tensor"));
          CHECK(plan.keys().empty());
          plan.get<std::int64_t>("tensor");
          plan.get<std::int64_t>("data", 1);
          plan.child("deep", true).get<bool>("x");
        }) == "f.yaml:1: plan: expected a mapping with the key 'tensor', found '8'");
  CHECK(faults_of("model: gpt3", [](Reader& r) { CHECK(r.child("model").as<std::string>() == "gpt3"); }) == "");
  CHECK(faults_of("[1, 2]", [](Reader& r) { r.get<std::string>("name"); }) ==
        "f.yaml:1: expected a mapping with the key 'name', found a list");
}

TEST_CASE("keys that nobody read") {
  CHECK(faults_of("name: x\nplan:\n  tensr: 4\n  weird: {a: {b: 1}, c: 2}\n  data: 1\nextra:\n  q: 1\n",
                  [](Reader& r) {
                    r.get<std::string>("name");
                    Reader plan = r.child("plan");
                    plan.get<std::int64_t>("tensor", 1);
                    plan.get<std::int64_t>("data", 1);
                  }) ==
        "f.yaml:3: plan.tensr: unknown key; did you mean 'tensor'? the scenario takes here: tensor, data\n"
        "f.yaml:4: plan.weird: unknown key; the scenario takes here: tensor, data\n"
        "f.yaml:6: extra: unknown key; the scenario takes here: name, plan");
  CHECK(faults_of("a: 1", [](Reader& r) { CHECK(r.has("a")); }) == "f.yaml:1: a: unknown key");
  CHECK(faults_of("{a: 1, b: {c: 1}}", [](Reader& r) { r.mark_read(); }) == "");
  CHECK(faults_of("{a: {x: 1, y: [{z: 1}]}}", [](Reader& r) { r.child("a").mark_read(); }) == "");
  CHECK(faults_of("{old: 1}", [](Reader& r) { r.fault("old", "has gone; write 'new'"); }) ==
        "f.yaml:1: old: has gone; write 'new'");
  CHECK(faults_of("a: ~\n", [](Reader&) {}) == "f.yaml:1: a: unknown key");
}

TEST_CASE("faults are sorted by file and line and reported once") {
  Value root = parse_yaml("b: x\na: y\n", "f.yaml");
  apply_setting(root, "c=z");
  Reader r(root, "scenario");
  r.get<bool>("a");
  r.get<bool>("b");
  r.get<bool>("c");
  Reader copy = r;
  copy.get<bool>("a");
  r.fault("the whole");
  CHECK(r.any_fault());
  CHECK_THROWS_WITH_AS(r.finish(),
                       "--set c=z: c: expected true or false, found 'z'\n"
                       "f.yaml:1: b: expected true or false, found 'x'\n"
                       "f.yaml:1: the whole\n"
                       "f.yaml:2: a: expected true or false, found 'y'",
                       InputError);
}

TEST_CASE("readers outlive the root reader") {
  const auto make = [] { return reader_of("{a: {b: [1, 2]}}").child("a"); };
  Reader a = make();
  CHECK(a.keys() == std::vector<std::string>{"b"});
  CHECK(a.child("b").items().at(1).as<std::int64_t>() == 2);
  CHECK(a.value().find("b")->items.size() == 2);
  CHECK_NOTHROW(a.finish());
}
