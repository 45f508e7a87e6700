#include "simulation/redis_model.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <charconv>
#include <utility>

namespace mooring::test {
namespace {

namespace json = boost::json;

std::int64_t number_of(std::string const& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<double> number_of(json::object const& in, std::string_view name) {
  auto const* const found = in.if_contains(name);
  if (!found || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

std::array<detail::redis_script const*, 7> all_scripts() {
  auto const& all = detail::redis_scripts::all();
  return {&all.create, &all.store, &all.update, &all.update_hints, &all.touch, &all.read, &all.erase};
}

}  // namespace

redis_reply redis_text(std::string text) {
  redis_reply made;
  made.what = redis_reply::kind::text;
  made.text = std::move(text);
  return made;
}

redis_reply redis_number(std::int64_t number) {
  redis_reply made;
  made.what = redis_reply::kind::number;
  made.number = number;
  return made;
}

redis_reply redis_null() {
  redis_reply made;
  made.what = redis_reply::kind::null;
  return made;
}

redis_reply redis_error(std::string text) {
  auto made = redis_text(std::move(text));
  made.what = redis_reply::kind::error;
  return made;
}

redis_reply redis_words(std::vector<std::string> words) {
  redis_reply made;
  made.what = redis_reply::kind::list;
  for (auto& word : words) made.items.push_back(redis_text(std::move(word)));
  return made;
}

/** One run of a script on its key: what `open`, `span` and `replace` of the scripts' common part do, and each body. */
class redis_model::script_run {
 public:
  script_run(redis_model& on, redis_command const& sent, std::int64_t now) : on_(on), key_(sent.at(3)), sent_(sent), now_(now) {}

  redis_reply create() {
    if (open() || why_ != "absent") return redis_words({"exists"});
    record_ = json::parse(argument(6)).as_object();
    auto ttl = number_of(argument(2));
    auto const lifetime = number_of(argument(3));
    if (!argument(4).empty()) ttl = std::min(ttl, number_of(argument(4)));
    if (lifetime > 0) {
      record_["created"] = now_;
      ttl = std::min(ttl, lifetime);
    }
    if (argument(5) == "fixed") record_["until"] = now_ + ttl;
    on_.keys_[key_] = {json::serialize(record_), now_ + ttl};
    return redis_words({"ok"});
  }

  redis_reply store() {
    record_ = json::parse(argument(4)).as_object();
    record_["created"] = now_;
    on_.keys_[key_] = {json::serialize(record_), now_ + std::min(number_of(argument(2)), number_of(argument(3)))};
    return redis_words({"ok"});
  }

  redis_reply update() {
    if (!open()) return redis_words({why_});
    if (!argument(4).empty() && record_["rev"].as_string() != argument(4)) return redis_words({"conflict"});
    if (!record_.contains(argument(6)) || (record_.contains("metadata") && record_.contains("data"))) return redis_words({"corrupt"});
    record_["rev"] = argument(5);
    record_[argument(6)] = argument(6) == "metadata" ? json::parse(argument(7)) : json::value(argument(7));
    record_.erase("until");
    return replace();
  }

  redis_reply update_hints() {
    if (!open()) return redis_words({why_});
    record_["hints"] = json::parse(argument(4));
    return replace();
  }

  redis_reply touch() {
    if (!open()) return redis_words({why_});
    return slide() ? redis_words({"ok"}) : redis_words({"absent"});
  }

  redis_reply read() {
    bool const is_sliding = argument(4) == "slide";
    if (!open(!is_sliding)) return redis_words({why_});
    if (is_sliding && !slide()) return redis_words({"absent"});
    return redis_words({"ok", on_.keys_[key_].text});
  }

  redis_reply erase() {
    if (!open()) return redis_words({why_});
    if (record_["rev"].as_string() != argument(2)) return redis_words({"conflict"});
    on_.keys_.erase(key_);
    return redis_words({"ok"});
  }

 private:
  // As scripts count them: the id is the first.
  std::string const& argument(std::size_t number) const { return sent_.at(3 + number); }

  static bool is_moment_or_absent(json::object const& in, std::string_view name) {
    auto const number = number_of(in, name);
    return !in.contains(name) || (number && *number > 0 && *number < 1e18);
  }

  bool is_not(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool open(bool is_still = false) {
    auto const* const found = on_.find(key_, now_);
    if (!found) return is_not("absent");
    boost::system::error_code ec;
    auto const parsed = json::parse(found->text, ec);
    if (ec || !parsed.is_object()) return is_not("corrupt");
    record_ = parsed.get_object();
    auto const version = number_of(record_, "v");
    if (!version || *version < 1) return is_not("corrupt");
    if (*version >= 2) return is_not("version");
    auto const* const id = record_.if_contains("id");
    auto const* const rev = record_.if_contains("rev");
    bool const is_ours = id && id->is_string() && id->get_string() == argument(1) && rev && rev->is_string();
    if (!is_ours || !is_moment_or_absent(record_, "until") || !is_moment_or_absent(record_, "created")) return is_not("corrupt");
    auto const until = number_of(record_, "until");
    if (!until || double(now_) < *until) return true;
    if (!is_still) on_.keys_.erase(key_);
    return is_not("absent");
  }

  // How long the record may live from now on when it is touched; not above zero when its life is over.
  std::int64_t span() const {
    auto ttl = number_of(argument(2));
    auto const lifetime = number_of(argument(3));
    if (auto const until = number_of(record_, "until")) return std::int64_t(*until) - now_;
    if (auto const created = number_of(record_, "created"); created && lifetime > 0) ttl = std::min(ttl, std::int64_t(*created) + lifetime - now_);
    return ttl;
  }

  bool slide() {
    auto const left = span();
    if (left > 0) on_.keys_[key_].expires = now_ + left;
    else on_.keys_.erase(key_);
    return left > 0;
  }

  redis_reply replace() {
    if (!slide()) return redis_words({"absent"});
    on_.keys_[key_].text = json::serialize(record_);
    return redis_words({"ok"});
  }

  redis_model& on_;
  std::string const key_;
  redis_command const& sent_;
  std::int64_t const now_;
  json::object record_;
  std::string why_;
};

// Some day in 2030, so that moments are as long as they are in life.
std::int64_t redis_model::moment_of(time_point now) {
  return 1'900'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

redis_model::entry* redis_model::find(std::string const& key, std::int64_t moment) {
  auto const place = keys_.find(key);
  if (place == keys_.end()) return nullptr;
  if (moment <= place->second.expires) return &place->second;
  keys_.erase(place);
  return nullptr;
}

std::optional<std::string> redis_model::look(std::string const& key, time_point now) const {
  auto const place = keys_.find(key);
  if (place == keys_.end() || moment_of(now) > place->second.expires) return std::nullopt;
  boost::system::error_code ec;
  auto const parsed = json::parse(place->second.text, ec);
  auto const until = parsed.is_object() ? number_of(parsed.get_object(), "until") : std::nullopt;
  if (until && double(moment_of(now)) >= *until) return std::nullopt;
  return place->second.text;
}

void redis_model::learn_scripts() {
  for (auto const* const one : all_scripts()) known_.insert(one);
}

redis_reply redis_model::carry_out(redis_command const& sent, time_point now) {
  auto const moment = moment_of(now);
  auto const& name = sent.at(0);
  if (name == "SET") return set(sent, moment);
  if (name == "GET" || name == "GETEX") return get(sent, moment);
  if (name == "DEL") return erase(sent, moment);
  if (name == "EVAL" || name == "EVALSHA") return run(sent, moment);
  return redis_error("ERR unknown command '" + name + "'");
}

redis_reply redis_model::set(redis_command const& sent, std::int64_t moment) {
  bool is_wanted = true;
  std::int64_t ttl = 0;
  for (std::size_t i = 3; i < sent.size(); ++i) {
    if (sent[i] == "NX") is_wanted = !find(sent.at(1), moment);
    else if (sent[i] == "PX") ttl = number_of(sent.at(++i));
    else return redis_error("ERR syntax error");
  }
  if (ttl <= 0) return redis_error("ERR invalid expire time in 'set' command");
  if (!is_wanted) return redis_null();
  keys_[sent.at(1)] = {sent.at(2), moment + ttl};
  return redis_text("OK");
}

redis_reply redis_model::get(redis_command const& sent, std::int64_t moment) {
  auto* const found = find(sent.at(1), moment);
  bool const is_sliding = sent[0] == "GETEX";
  if (sent.size() != (is_sliding ? 4 : 2) || (is_sliding && sent[2] != "PX")) return redis_error("ERR syntax error");
  if (is_sliding && number_of(sent[3]) <= 0) return redis_error("ERR invalid expire time in 'getex' command");
  if (!found) return redis_null();
  if (is_sliding) found->expires = moment + number_of(sent[3]);
  return redis_text(found->text);
}

redis_reply redis_model::erase(redis_command const& sent, std::int64_t moment) {
  std::int64_t erased = 0;
  for (std::size_t i = 1; i < sent.size(); ++i) {
    erased += find(sent[i], moment) != nullptr;
    keys_.erase(sent[i]);
  }
  return redis_number(erased);
}

redis_reply redis_model::run(redis_command const& sent, std::int64_t moment) {
  using body = redis_reply (script_run::*)();
  static constexpr body bodies[] = {&script_run::create, &script_run::store, &script_run::update, &script_run::update_hints,
                                    &script_run::touch,  &script_run::read,  &script_run::erase};
  bool const is_text = sent[0] == "EVAL";
  auto const scripts = all_scripts();
  auto const found = std::ranges::find_if(scripts, [&](auto const* one) { return sent.at(1) == (is_text ? one->text() : one->digest()); });
  if (found == scripts.end() || sent.at(2) != "1") return redis_error("ERR no script of ours");
  if (is_text) known_.insert(*found);
  if (!known_.contains(*found)) return redis_error("NOSCRIPT No matching script.");
  script_run one(*this, sent, moment);
  return (one.*bodies[found - scripts.begin()])();
}

}  // namespace mooring::test
