#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/base/document.hpp"

using namespace rehearse;

namespace {

std::string problem_of(const std::string& text) {
  try {
    parse_yaml(text, "f.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

bool same(const Value& a, const Value& b) {
  if (a.type != b.type || a.text != b.text || a.keys != b.keys || a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  return true;
}

const Value& at(const Value& value, const std::string& key) {
  const Value* found = value.find(key);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("values know their file and line") {
  const Value root = parse_yaml("a: 1\nplan:\n  tensor: '4'\n  list:\n    - x\n    - {y: ~}\nend:\n", "f.yaml");
  CHECK(root.type == Value::Type::mapping);
  CHECK(root.keys == std::vector<std::string>{"a", "plan", "end"});
  CHECK(at(root, "a").text == "1");
  CHECK(at(root, "a").file == "f.yaml");
  CHECK_FALSE(at(root, "a").quoted);
  CHECK(at(root, "plan").line == 2);  // of its key
  const Value& plan = at(root, "plan");
  CHECK(at(plan, "tensor").quoted);
  CHECK(at(plan, "tensor").line == 3);
  const Value& list = at(plan, "list");
  CHECK(list.line == 4);
  CHECK(list.items.at(0).line == 5);
  CHECK(list.items.at(1).line == 6);
  CHECK(at(list.items.at(1), "y").type == Value::Type::null);
  CHECK(at(root, "end").type == Value::Type::null);
  CHECK(at(root, "end").line == 7);
  CHECK(root.find("nothing") == nullptr);
}

TEST_CASE("documents that are no mapping") {
  CHECK(parse_yaml("", "f").type == Value::Type::null);
  CHECK(parse_yaml("# only a comment\n", "f").type == Value::Type::null);
  CHECK(parse_yaml("---\n...\n", "f").type == Value::Type::null);
  CHECK(parse_yaml("a: |\n  x\n  y\n", "f").find("a")->text == "x\ny\n");
  CHECK(parse_yaml("a: 1 # comment", "f").find("a")->text == "1");
  CHECK(parse_yaml("7", "f").text == "7");
  CHECK(parse_yaml("[1, 2]", "f").items.size() == 2);
  CHECK(parse_yaml("---\na: 1\n", "f").keys.size() == 1);
  CHECK(parse_yaml("\xEF\xBB\xBF"
                   "a: 1\r\nb: 2\r\n",
                   "f")
            .find("b")
            ->text == "2");
}

TEST_CASE("anchors, aliases and merge keys") {
  const Value root = parse_yaml(
      "base: &b {x: 1, y: 2}\nagain: *b\nlaid:\n  <<: *b\n  y: 3\nmany:\n  <<: [*b, {x: 9, z: 9}]\n  '<<': plain\n",
      "f.yaml");
  CHECK(same(at(root, "base"), at(root, "again")));
  CHECK(at(root, "again").line == 2);
  CHECK(at(at(root, "again"), "y").line == 1);
  CHECK(at(root, "laid").keys == std::vector<std::string>{"y", "x"});
  CHECK(at(at(root, "laid"), "y").text == "3");
  CHECK(at(at(root, "many"), "x").text == "1");
  CHECK(at(at(root, "many"), "z").text == "9");
  CHECK(at(at(root, "many"), "<<").text == "plain");
  CHECK(problem_of("a: {<<: 3}\n") == "f.yaml:1: a.<<: expected a mapping, or a list of mappings, to merge");
  CHECK(problem_of("a: &x [1, *x]\n") == "f.yaml:1: a.1: an alias inside the value that it stands for");
  CHECK(problem_of("a: *nobody\n").starts_with("f.yaml:1: not YAML: "));
}

TEST_CASE("aliases do not blow up") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    const std::string name = "a" + std::to_string(i);
    text += name + ": &" + name + " [";
    for (int j = 0; j < 9; ++j) text += last + ", ";
    text += last + "]\n";
  }
  CHECK(problem_of(text).find("more than 1000000 values") != std::string::npos);
}

TEST_CASE("what is not YAML, or not ours") {
  CHECK(problem_of("a: 1\nb: 2\na: 3\n") == "f.yaml:3: a: this key stands twice; first in line 1");
  CHECK(problem_of("p:\n  q: [0, {b: 1, b: 2}]\n") == "f.yaml:2: p.q.1.b: this key stands twice; first in line 2");
  CHECK(problem_of("a: 1\n---\nb: 2\n") ==
        "f.yaml:2: a second document, or text after the first; expected one document");
  CHECK(problem_of("? [1, 2]\n: 3\n") == "f.yaml:1: a key must be a scalar");
  CHECK(problem_of("a:\n  {b: 1}: 3\n").starts_with("f.yaml:2: a: a key must be a scalar"));
  CHECK(problem_of("~: 3\n") == "f.yaml:1: a key must be a scalar");
  CHECK(problem_of("a: !env HOME\n") == "f.yaml:1: a: the tag '!env'; expected a plain value");
  CHECK(problem_of("a: 1\nb: [1, 2\n").starts_with("f.yaml:"));
  CHECK(problem_of("a: 1\n b: 2\n").starts_with("f.yaml:2: not YAML: "));
  CHECK(problem_of("a: 1\n b: 2\n").ends_with("(column 3)"));
  for (const char* text :
       {"a: 'x\n", "a: 'x", "a: \"x\n\n", "a: \"x\nb: 1\n", "[1", "{", "a: {b: 1", "? [\n", "a: ]", "a: b: c"})
    CHECK_MESSAGE(problem_of(text).find(": not YAML: ") != std::string::npos, text);
  CHECK(problem_of("a: \"\\q\"\n").starts_with("f.yaml:1: not YAML: "));
  CHECK(problem_of("a:\n\t- b\n").find("not YAML: ") != std::string::npos);
  CHECK(problem_of(std::string(2000, '[')).find("not YAML: ") != std::string::npos);
  CHECK(parse_yaml("a: !!str 5\n", "f").find("a")->quoted);
}

TEST_CASE("files") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "rehearse_engine_base_yaml";
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / "a.yaml";
  std::ofstream(file) << "a: 1\n";
  const Value root = load_yaml(file);
  CHECK(at(root, "a").file == file.string());
  const auto reason = [](const std::filesystem::path& path) -> std::string {
    try {
      load_yaml(path);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(reason(folder / "none.yaml") == (folder / "none.yaml").string() + ": cannot read: No such file or directory");
  CHECK(reason(folder) == folder.string() + ": cannot read: Is a directory");
  CHECK(reason(file / "b") == (file / "b").string() + ": cannot read: Not a directory");
  std::filesystem::remove_all(folder);
}

TEST_CASE("the tree as text reads back") {
  const char* const text =
      "name: GPT-3 175B on 1,024 A100\nmodel: {base: gpt3-175b, layers: 80, empty: {}, none: [], nothing: ~}\n"
      "rate: 600 GB/s\nlist:\n- 1\n- [2, 3, [4]]\n- {a: 1, b: [x, {y: 2}]}\n- ~\n- []\n"
      "texts: ['', ' x ', 'null', '~', 'a: b', '#no', \"two\\nlines\", \"tab\\t\\\"q\\\\\", '- x', '-5', -5, +1e-3, "
      ".5]\n"
      "odd: [\"\\x07\", \"{}\", '*a', '&b', '!c', '?', '---', '...', 'a #b', '%', '@x', 'it''s', \"\xC2\xB5s\", 3 "
      "\xC2\xB5s]\n"
      "'a b': 1\n'': 2\n'<<': 3\n'x: y': 4\n'[k]': 5\n";
  const Value root = parse_yaml(text, "f");
  const std::string written = to_yaml(root);
  const Value again = parse_yaml(written, "g");
  CHECK(same(root, again));
  CHECK(to_yaml(again) == written);
  CHECK(to_yaml(parse_yaml("{a: {b: [1, {c: 2, d: 3}]}, e: '5'}", "f")) ==
        "a:\n  b:\n    - 1\n    - c: 2\n      d: 3\ne: \"5\"\n");
  CHECK(to_yaml(Value{}) == "null\n");
  Value made;
  made["x"].type = Value::Type::scalar;
  CHECK(to_yaml(made) == "x: \"\"\n");
}

TEST_CASE("items are made where they are absent") {
  Value root = parse_yaml("a: 1\n", "f");
  root["a"].text = "2";
  root["b"]["c"].type = Value::Type::scalar;
  CHECK(root.keys == std::vector<std::string>{"a", "b"});
  CHECK(at(root, "a").text == "2");
  CHECK(at(root, "b").file == "f");
  CHECK(at(root, "b").type == Value::Type::mapping);
}

TEST_CASE("one tree laid over another") {
  const Value base = parse_yaml("a: 1\np: {x: 1, y: {z: 1}, l: [1, 2]}\nq: [1]\n", "base");
  const Value over = parse_yaml("\np: {y: {w: 2}, l: [3], n: new}\nq: {r: 1}\n", "over");
  const Value both = overlay(base, over);
  CHECK(same(both, parse_yaml("{a: 1, p: {x: 1, y: {z: 1, w: 2}, l: [3], n: new}, q: {r: 1}}", "")));
  CHECK(at(both, "a").file == "base");
  CHECK(at(at(both, "p"), "x").file == "base");
  CHECK(at(at(both, "p"), "x").line == 2);
  CHECK(at(at(both, "p"), "l").file == "over");
  CHECK(at(both, "p").file == "over");
  CHECK(overlay(base, parse_yaml("7", "over")).text == "7");
  CHECK(same(overlay(Value{}, over), over));
}

TEST_CASE("settings") {
  const auto set = [](const std::string& text, std::initializer_list<const char*> settings) {
    Value root = parse_yaml(text, "f");
    for (const char* setting : settings) apply_setting(root, setting);
    return root;
  };
  const auto is = [](const Value& root, const std::string& text) { return same(root, parse_yaml(text, "")); };
  CHECK(is(set("plan: {tensor: 2, data: 1}", {"plan.tensor=4"}), "plan: {tensor: 4, data: 1}"));
  CHECK(is(set("a: 1", {"b.c.d=x", "b.c.e=2 GB"}), "{a: 1, b: {c: {d: x, e: 2 GB}}}"));
  CHECK(is(set("model: gpt3-175b", {"model.layers=4"}), "model: {base: gpt3-175b, layers: 4}"));
  CHECK(is(set("model: gpt3-175b", {"model=x"}), "model: x"));
  CHECK(is(set("l: [1, {a: 2}]", {"l.0=9", "l.1.a=8", "l.1.b=7"}), "l: [9, {a: 8, b: 7}]"));
  CHECK(is(set("m: {x: 1}", {"m.0=1"}), "m: {x: 1, 0: 1}"));
  CHECK(is(set("", {"a={b: [1, 2]}"}), "a: {b: [1, 2]}"));
  CHECK(is(set("a: ~", {"a.b=x=y"}), "a: {b: x=y}"));
  CHECK(is(set("a: 1", {"a=null"}), "a: ~"));
  CHECK(set("a: 1", {"a=\"\""}).find("a")->quoted);
  const Value root = set("plan:\n  x: 1\n", {"plan.tensor=4", "new.key=1"});
  CHECK(at(at(root, "plan"), "tensor").file == "--set plan.tensor=4");
  CHECK(at(at(root, "plan"), "tensor").line == 0);
  CHECK(at(root, "new").file == "--set new.key=1");
  CHECK(at(root, "plan").file == "f");
}

TEST_CASE("malformed settings") {
  const auto problem = [](const char* setting) -> std::string {
    Value root = parse_yaml("l: [1, 2]", "f");
    try {
      apply_setting(root, setting);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string expected = "; expected KEY=VALUE with a dotted key, e.g. 'plan.tensor=4'";
  CHECK(problem("plan.tensor") == "--set plan.tensor: no '='" + expected);
  for (const char* setting : {"=4", ".a=4", "a.=4", "a..b=4"})
    CHECK(problem(setting) == std::string("--set ") + setting + ": an empty key" + expected);
  CHECK(problem("a.b= ") == "--set a.b= : a.b: no value; write null to clear a key, \"\" for an empty text");
  const std::string list = ": l: is a list of 2; expected the number of an item, counted from 0, found ";
  CHECK(problem("l.2=4") == "--set l.2=4" + list + "'2'");
  CHECK(problem("l.x=4") == "--set l.x=4" + list + "'x'");
  CHECK(problem("l.-1=4") == "--set l.-1=4" + list + "'-1'");
  CHECK(problem("a=[1").starts_with("--set a=[1: a: not YAML: "));
}
