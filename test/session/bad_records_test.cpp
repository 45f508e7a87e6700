#include "session/session_world.hpp"

using namespace mooring;
using namespace mooring::test;

// Records that no manager writes. The storage takes them: it knows nothing of what its texts mean.

namespace {

struct row {
  std::string name;
  metadata stored;
};

metadata with(metadata good, std::string_view key, std::string value) {
  good.insert_or_assign(std::string(key), std::move(value));
  return good;
}

void add_missing(std::vector<row>& rows, metadata const& good) {
  for (auto const& key : {record_key::state, record_key::owner, record_key::backends, record_key::opening}) {
    auto without = good;
    without.erase(without.find(key));
    rows.push_back({"without " + std::string(key), without});
    auto renamed = without;
    renamed.emplace(std::string(key) + " ", good.find(key)->second);
    rows.push_back({"another name for " + std::string(key), renamed});
  }
  rows.push_back({"nothing at all", metadata()});
  rows.push_back({"the caller's data alone", metadata{{"k", "v"}}});
}

void add_states(std::vector<row>& rows, metadata const& good) {
  for (std::string const state : {"live", "placeholder"}) {
    for (std::size_t cut = 0; cut < state.size(); ++cut) rows.push_back({"a state cut short", with(good, record_key::state, state.substr(0, cut))});
    for (std::string const after : {" ", "s", "\n", "live"}) rows.push_back({"a state with something after it", with(good, record_key::state, state + after)});
    rows.push_back({"a state and NUL", with(good, record_key::state, state + '\0')});
    rows.push_back({"a state after a space", with(good, record_key::state, " " + state)});
    auto upper = state;
    upper[0] = static_cast<char>(upper[0] - 'a' + 'A');
    rows.push_back({"a state in capitals", with(good, record_key::state, upper)});
  }
  for (auto const* state : {"dead", "terminated", "0", "1", "true", "null", "{}", "\xff"}) rows.push_back({std::string("the state ") + state, with(good, record_key::state, state)});
}

// ID07
void add_owners(std::vector<row>& rows, metadata const& good) {
  auto const owner = good.find(record_key::owner)->second;
  for (std::size_t cut = 0; cut < owner.size(); ++cut) rows.push_back({"an owner cut short", with(good, record_key::owner, owner.substr(0, cut))});
  for (std::size_t at = 0; at < owner.size(); ++at) {
    auto changed = owner;
    changed[at] = '\0';
    rows.push_back({"an owner with NUL at " + std::to_string(at), with(good, record_key::owner, changed)});
  }
  for (auto const* text : {" ", "Anonymous", "anonymous ", " anonymous", "anonymou", "anonymous:", "nobody", "null", "{}", "hmac-sha256", "hmac-sha512:k:", "\xff"})
    rows.push_back({std::string("the owner ") + text, with(good, record_key::owner, text)});
  for (auto const& after : {"0", ":", " ", "00"}) rows.push_back({"an owner with something after it", with(good, record_key::owner, owner + after)});
  rows.push_back({"two owners", with(good, record_key::owner, owner + owner)});
  rows.push_back({"an owner after a space", with(good, record_key::owner, " " + owner)});
}

void add_backends(std::vector<row>& rows, metadata const& good) {
  auto const is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~'; };
  for (int byte = 0; byte < 256; ++byte) {
    auto const c = static_cast<char>(byte);
    if (is_plain(c) || c == ';') continue;
    rows.push_back({"a list with the byte " + std::to_string(byte), with(good, record_key::backends, std::string("a") + c + "b;")});
  }
  for (auto const* list : {"a", "a;b", "%", "%;", "%4", "%4;", "%4G;", "%G4;", "%4a;", "%4A", "%41;", "%7E;", "%%41;", "%-1;", "%+1;", "% 1;", "%0x;", "a;%", "a;;b", ",", "[]", "[\"a\"]", "a b;", "a;\n"})
    rows.push_back({std::string("the list ") + list, with(good, record_key::backends, list)});
}

std::vector<row> bad_records(metadata const& good) {
  std::vector<row> rows;
  add_missing(rows, good);
  add_states(rows, good);
  add_owners(rows, good);
  add_backends(rows, good);
  return rows;
}

session_world::setup bound_replicas() {
  session_world::setup how;
  how.replicas = 2;
  how.options.binding_keys.emplace_back("k", secret(std::string(32, 'k')));
  how.options.failure_backoff = 0ns;
  how.options.max_sessions = 10'000;
  return how;
}

void put(session_world& w, std::string const& id, metadata next) {
  auto const outcome = w.store->table.update(id, std::move(next), std::nullopt, *revision::fresh(entropy_of(w.sim)), w.sim.now());
  BOOST_REQUIRE(outcome.is_written());
}

decorator<test_session> const same = [](std::shared_ptr<test_session> s, metadata d) { return result<decoration<test_session>>(decoration<test_session>(s, d)); };

}  // namespace

BOOST_AUTO_TEST_SUITE(session_bad_records)

// SC08, SM23, ID07: told as corrupt to everybody, by every operation; never given to the factory, never changed, and it can be terminated.
BOOST_AUTO_TEST_CASE(each_of_at_least_300_malformed_records_is_corrupt_for_everybody_and_can_be_terminated) {
  session_world w(1, bound_replicas());
  auto const alice = named("alice");
  auto const model = w.opened(alice, open_parameters({"a", "b;%"}, metadata{{"k", "v"}}, "opening"));
  auto const good = w.record(model)->value;
  auto const rows = bad_records(good);
  BOOST_TEST(rows.size() >= 300U);
  for (auto const& bad : rows) {
    BOOST_TEST_INFO_SCOPE(bad.name);
    auto const id = w.opened(alice);
    put(w, id, bad.stored);
    auto const before = *w.record(id);
    auto const restores = w.f(1).requests.size();
    for (auto const& who : {alice, named("bob"), principal::anonymous()}) {
      BOOST_TEST(w.run(w.m(1).get(id, who)).error() == errc::corrupt_record);
      BOOST_TEST(w.run(w.m(1).validate(id, who)).error() == errc::corrupt_record);
      BOOST_TEST(w.run(w.m(1).decorate(id, who, same)).error() == errc::corrupt_record);
      BOOST_TEST(w.run(w.m(1).notify_backend_expired(id, who, "a")).error() == errc::corrupt_record);
    }
    BOOST_TEST(w.f(1).requests.size() == restores);
    // Where the session is cached, the owner learns it too.
    auto const opened = w.f(0).requests.size();
    BOOST_TEST(w.run(w.m(0).get(id, alice)).error() == errc::corrupt_record);
    BOOST_TEST(w.f(0).requests.size() == opened);
    BOOST_TEST((w.record(id)->revision == before.revision));
    BOOST_TEST(w.run(w.m(1).terminate(id, alice))->existed);
    BOOST_TEST(!*w.run(w.m(0).get(id, alice)));
  }
  w.end();
}

BOOST_AUTO_TEST_SUITE_END()
