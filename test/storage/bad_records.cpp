#include "storage/bad_records.hpp"

#include "storage/bad_utf8.hpp"

#include <cstddef>
#include <utility>

namespace mooring::test {
namespace {

using member = std::pair<std::string, std::string>;  // a name and a value as they are written, quotes included

std::vector<member> good_members() {
  return {{"\"v\"", "1"},
          {"\"id\"", "\"a\""},
          {"\"rev\"", "\"000102030405060708090a0b0c0d0e0f\""},
          {"\"metadata\"", R"({"k":"v","l":""})"},
          {"\"hints\"", R"({"h":"1"})"},
          {"\"created\"", "4102440000000"},
          {"\"until\"", "4102444800000"},
          {"\"later\"", R"([1,{"x":null}])"}};
}

std::string object_of(std::vector<member> const& members) {
  std::string text = "{";
  for (auto const& [name, value] : members) text.append(text.size() > 1 ? "," : "").append(name).append(":").append(value);
  return text + "}";
}

// The good record with one member's value replaced, or without it.
std::string with(std::string_view name, std::string const& value) {
  auto members = good_members();
  for (auto& [known, text] : members)
    if (known == name) text = value;
  return object_of(members);
}

std::string without(std::string_view name) {
  auto members = good_members();
  std::erase_if(members, [name](member const& one) { return one.first == name; });
  return object_of(members);
}

std::string and_also(std::string const& name, std::string const& value) {
  auto members = good_members();
  members.emplace_back(name, value);
  return object_of(members);
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

class table {
 public:
  void add(std::string name, std::string text, errc expected = errc::corrupt_record) { rows_.emplace_back(std::move(name), std::move(text), expected); }
  std::vector<bad_record> take() { return std::move(rows_); }

 private:
  std::vector<bad_record> rows_;
};

void add_members(table& to) {
  for (auto const& name : {"\"v\"", "\"id\"", "\"rev\"", "\"metadata\""}) to.add(std::string("without ") + name, without(name));
  for (auto const& [name, value] : good_members()) {
    to.add("twice " + name, and_also(name, value));
    to.add("twice and another " + name, and_also(name, name == "\"v\"" ? "2" : "\"b\""));
  }
  to.add("twice, once as an escape", and_also("\"\\u0069d\"", "\"b\""));
  to.add("metadata and data", and_also("\"data\"", "\"text\""));
  for (auto const& name : {"\"metadata\"", "\"hints\""}) {
    to.add(std::string("a key twice in ") + name, with(name, R"({"k":"1","k":"2"})"));
    to.add(std::string("a key twice, once as an escape, in ") + name, with(name, R"({"k":"1","\u006b":"1"})"));
    to.add(std::string("the empty key twice in ") + name, with(name, R"({"":"1","":"1"})"));
  }
}

// Every member of every JSON type that is not its own.
void add_types(table& to) {
  std::vector<member> const values{{"null", "null"},      {"true", "bool"},   {"false", "bool"},        {"0", "number"},         {"-1", "number"},
                                   {"1.5", "number"},     {"1e400", "number"}, {"-1e400", "number"},     {"\"\"", "string"},      {"\"text\"", "string"},
                                   {"[]", "array"},       {"[\"a\"]", "array"}, {"{}", "object"},         {R"({"k":1})", "object"}, {R"({"k":null})", "object"},
                                   {R"({"k":true})", "object"}, {R"({"k":["v"]})", "object"}, {R"({"k":{"l":"v"}})", "object"}, {R"({"k":"v","l":0.5})", "object"}};
  for (auto const& [value, type] : values) {
    for (auto const& name : {"\"v\"", "\"id\"", "\"rev\"", "\"created\"", "\"until\""}) {
      bool const is_moment = name[1] == 'c' || name[1] == 'u';
      if (is_moment && value == "1.5") continue;  // a moment, if an odd one
      to.add(std::string(name) + " is " + value, with(name, value));
    }
    if (value == "{}") continue;  // no texts
    for (auto const& name : {"\"metadata\"", "\"hints\""}) to.add(std::string(name) + " is " + value, with(name, value));
  }
  auto const data = [](std::string const& value) {
    auto members = good_members();
    members[3] = {"\"data\"", value};
    return object_of(members);
  };
  for (auto const& [value, type] : values)
    if (type != "string") to.add("\"data\" is " + value, data(value));
}

void add_values(table& to) {
  for (auto const& version : {"2", "3", "1000000", "9223372036854775807"}) to.add(std::string("version ") + version, with("\"v\"", version), errc::unsupported_version);
  to.add("a newer version of another shape", R"({"v":2,"id":7})", errc::unsupported_version);
  for (auto const& version : {"-9223372036854775808", "18446744073709551615", "18446744073709551616", "1.0", "1e0", "\"1\"", "\"2\"", "01", "+1", "0x1", "1.", ".1", "-", "1e", "NaN", "Infinity"})
    to.add(std::string("version ") + version, with("\"v\"", version));
  for (auto const& id : {"\"A\"", "\"b\"", "\"aa\"", "\" a\"", "\"a \"", R"("a\u0000")", R"("\u0000a")", "\"\\u00e4\""}) to.add(std::string("the id ") + id, with("\"id\"", id));
  to.add("an id of ten kilobytes", with("\"id\"", "\"" + std::string(10'000, 'a') + "\""));
  std::string const digits = "000102030405060708090a0b0c0d0e0f";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    auto changed = digits;
    changed[i] = "gG:A -"[i % 6];
    to.add("a revision with a wrong digit at " + std::to_string(i), with("\"rev\"", "\"" + changed + "\""));
  }
  to.add("a revision cut short", with("\"rev\"", "\"" + digits.substr(1) + "\""));
  to.add("a revision of one digit more", with("\"rev\"", "\"" + digits + "0\""));
  to.add("no revision, which nothing stored has", with("\"rev\"", "\"" + std::string(32, '0') + "\""));
}

void add_texts(table& to) {
  for (auto const& bad : bad_utf8()) {
    to.add("bad UTF-8 in a value", with("\"metadata\"", R"({"k":")" + bad + R"("})"));
    to.add("bad UTF-8 in a key", with("\"metadata\"", R"({")" + bad + R"(":"v"})"));
    to.add("bad UTF-8 in a hint", with("\"hints\"", R"({"h":")" + bad + R"("})"));
    to.add("bad UTF-8 in a member that nobody knows", with("\"later\"", "\"" + bad + "\""));
    to.add("bad UTF-8 in the name of one", and_also("\"" + bad + "\"", "1"));
  }
  for (auto const& escape : {R"(\x41)", R"(\u12)", R"(\u12g4)", R"(\)", R"(\')", R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\ud800x)", R"(\ude00\ud83d)", R"(\0)", R"(\U0041)"})
    to.add(std::string("the escape ") + escape, with("\"metadata\"", std::string(R"({"k":")") + escape + "\"}"));
  for (char control = 0; control < 0x20; ++control) to.add("control byte " + std::to_string(control), with("\"metadata\"", std::string(R"({"k":")") + control + "\"}"));
}

void add_shapes(table& to) {
  auto const good = good_record();
  for (auto const& text : {"", " ", "\n", "x", "null", "true", "false", "0", "1", "1e400", "\"\"", "\"a\"", "[]", "{}", "{", "}", "[", "]", "\"", ":", ",", "{\"v\":1}", "nul", "tru", "-"})
    to.add(std::string("only ") + text, text);
  for (auto const& after : {"x", "{}", "}", "]", ",", "null", "\"", "1", "//", "/**/", "{\"v\":1}"}) to.add(std::string("followed by ") + after, good + after);
  to.add("followed by NUL", good + '\0');
  to.add("followed by itself", good + good);
  to.add("in an array", "[" + good + "]");
  for (auto const& before : {"x", "[]", ",", "\xef\xbb\xbf", "/**/", "1 ", ")]}'\n"}) to.add("preceded by something", before + good);
  to.add("preceded by NUL", std::string(1, '\0') + good);
  to.add("a comma too many", good.substr(0, good.size() - 1) + ",}");
  to.add("a comma too few", "{\"v\":1 \"id\":\"a\"}");
  to.add("names without quotes", "{v:1}");
  to.add("names in single quotes", "{'v':1}");
  for (std::size_t const depth : {40U, 1'000U, 100'000U}) {
    to.add("arrays in arrays, without end", repeated("[", depth));
    to.add("objects in objects, without end", repeated("{\"a\":", depth));
    to.add("arrays in arrays", with("\"later\"", repeated("[", depth) + repeated("]", depth)));
    to.add("objects in objects", with("\"later\"", repeated("{\"a\":", depth) + "1" + repeated("}", depth)));
    to.add("objects in metadata", with("\"metadata\"", repeated("{\"a\":", depth) + "\"\"" + repeated("}", depth)));
  }
}

// Cut before each byte, and with a byte that stands nowhere in JSON in place of each.
void add_bytes(table& to) {
  auto const good = good_record();
  for (std::size_t i = 0; i < good.size(); ++i) {
    to.add("cut before byte " + std::to_string(i), good.substr(0, i));
    for (char const bad : {'\0', '\xff'}) {
      auto changed = good;
      changed[i] = bad;
      to.add("byte " + std::to_string(i) + " is " + (bad == '\0' ? "NUL" : "0xff"), changed);
    }
  }
}

}  // namespace

std::string good_record() { return object_of(good_members()); }

std::vector<bad_record> bad_records() {
  table rows;
  add_members(rows);
  add_types(rows);
  add_values(rows);
  add_texts(rows);
  add_shapes(rows);
  add_bytes(rows);
  return rows.take();
}

}  // namespace mooring::test
