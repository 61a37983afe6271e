#include <doctest/doctest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/names.hpp"
#include "engine/base/table.hpp"

using namespace rehearse;

TEST_CASE("a fault as text leaves out what is empty") {
  CHECK(Fault{"a.yaml", 3, "plan.tensor", "bad"}.to_string() == "a.yaml:3: plan.tensor: bad");
  CHECK(Fault{"a.yaml", 0, "plan", "bad"}.to_string() == "a.yaml: plan: bad");
  CHECK(Fault{"", 0, "plan", "bad"}.to_string() == "plan: bad");
  CHECK(Fault{"", 4, "", "bad"}.to_string() == "line 4: bad");
  CHECK(Fault{"", 0, "", "bad"}.to_string() == "bad");
}

TEST_CASE("an input error lists its faults, a line each") {
  const InputError error({{"a", 1, "", "x"}, {"b", 2, "k", "y"}});
  CHECK(std::string(error.what()) == "a:1: x\nb:2: k: y");
  CHECK(error.faults().size() == 2);
  CHECK(std::string(InputError("no").what()) == "no");
  CHECK(InputError(std::vector<Fault>{}).faults().size() == 1);
}

TEST_CASE("names are stored once") {
  NamePool pool;
  const NameId a = pool.intern("a");
  CHECK(index(pool.intern("")) == 0);
  CHECK(pool.intern(std::string("a")) == a);
  const std::string& text = pool[a];
  for (int i = 0; i < 10'000; ++i) pool.intern("name " + std::to_string(i));
  CHECK(&text == &pool[a]);
  CHECK(pool.size() == 10'002);
  CHECK(pool[pool.intern("name 77")] == "name 77");
}

TEST_CASE("a copied pool stands on its own") {
  NamePool copy;
  {
    NamePool pool;
    pool.intern("one");
    pool.intern("two");
    copy = pool;
    copy = std::as_const(copy);
  }
  CHECK(copy.size() == 3);
  CHECK(index(copy.intern("two")) == 2);
  CHECK(index(copy.intern("three")) == 3);
  NamePool moved = std::move(copy);
  CHECK(index(moved.intern("one")) == 1);
  const NamePool second(moved);
  CHECK(second[NameId{3}] == "three");
}

TEST_CASE("the nearest name") {
  const std::vector<std::string> names{"ring", "tree", "halving_doubling", "gpt3-175b"};
  CHECK(nearest_name("rnig", names) == "ring");
  CHECK(nearest_name("rin", names) == "ring");
  CHECK(nearest_name("RING", names) == "ring");
  CHECK(nearest_name("trees", names) == "tree");
  CHECK(nearest_name("halving-dubling", names) == "halving_doubling");
  CHECK(nearest_name("GPT3_175B", names) == "gpt3-175b");
  CHECK(nearest_name("halving", names) == "");
  CHECK(nearest_name("butterfly", names) == "");
  CHECK(nearest_name("", names) == "");
  CHECK(nearest_name("zz", std::vector<std::string>{"pp", "tp"}) == "");
  CHECK(nearest_name("ring", std::vector<std::string>{}) == "");
  CHECK(nearest_name("tore", std::vector<std::string>{"tree", "torus", "tor"}) == "tor");
}

TEST_CASE("an unknown name lists the alternatives") {
  const std::vector<std::string> names{"ring", "tree"};
  CHECK(unknown_name("algorithm", "rimg", names) ==
        "unknown algorithm 'rimg'; did you mean 'ring'? one of: ring, tree");
  CHECK(unknown_name("algorithm", "butterfly", names) == "unknown algorithm 'butterfly'; one of: ring, tree");
  CHECK(unknown_name("algorithm", "x", {}) == "unknown algorithm 'x'; there is none");
}

namespace {
struct Row {
  std::string_view name;
  std::string_view description;
  int value;
};
constexpr std::array rows{Row{"one", "the first", 1}, Row{"two", "the second", 2}};
constexpr Table<Row> table("number", rows);
}  // namespace

TEST_CASE("a table finds its rows") {
  static_assert(table.find("two")->value == 2);
  CHECK(table.find("three") == nullptr);
  CHECK(table.names() == std::vector<std::string>{"one", "two"});
  CHECK(table.unknown("tow") == "unknown number 'tow'; did you mean 'two'? one of: one, two");
}
