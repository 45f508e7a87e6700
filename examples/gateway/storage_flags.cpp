#include "storage_flags.hpp"

#include "http/address.hpp"
#include "program/flags.hpp"

#include <mooring/storage/redis_url.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace mooring::gateway {

namespace {

std::string read_file(std::string const& flag, std::string const& name) {
  std::ifstream file(name, std::ios::binary);
  std::string content;
  std::array<char, 4096> piece;
  // `read` notes what goes wrong, as with a folder, where an iterator of the buffer would throw.
  while (file.read(piece.data(), piece.size()) || file.gcount() != 0) content.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  if (!file.eof()) throw CLI::ValidationError(flag, "'" + name + "' cannot be read");
  return content;
}

redis_address parse_master(std::string const& text) {
  redis_address at;
  if (auto const place = http::parse_endpoint(text)) {
    at.host = place->host;
    at.port = std::to_string(place->port);
  } else if (auto const url = http::parse_url("http://" + text); url && text.find_first_of("/?#@:") == std::string::npos) {
    at.host = text;
    at.port.clear();
  } else {
    throw CLI::ValidationError("--sentinel-master", "'" + text + "' is not HOST or HOST:PORT");
  }
  return at;
}

}  // namespace

std::optional<redis_storage_options> parse_storage(std::string const& text) {
  if (text == "memory") return std::nullopt;
  std::string why;
  auto read = redis_options_from_url(text, &why);
  if (!read) throw CLI::ValidationError("--storage", "it is neither memory nor the URL of a server. " + why);
  if (!read->password.empty()) throw CLI::ValidationError("--storage", "leave the password out of the URL and set MOORING_REDIS_PASSWORD");
  if (std::getenv("MOORING_REDIS_PASSWORD")) read->password_variable = "MOORING_REDIS_PASSWORD";
  if (read->sentinel && std::getenv("MOORING_SENTINEL_PASSWORD")) read->sentinel->password_variable = "MOORING_SENTINEL_PASSWORD";
  return std::move(*read);
}

std::string in_flags(std::string sentence) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 20> names{{
      {"local_storage_options::absolute_lifetime", "--max-lifetime"}, {"redis_storage_options::absolute_lifetime", "--max-lifetime"},
      {"local_storage_options::max_entries", "--max-entries"}, {"local_storage_options::sweep_interval", "--sweep-interval"},
      {"local_storage_options::ttl", "--ttl"}, {"redis_storage_options::ttl", "--ttl"},
      {"redis_storage_options::key_prefix", "--key-prefix"}, {"redis_storage_options::tls.ca_pem", "--redis-ca"},
      {"redis_storage_options::tls.certificate_pem", "--redis-certificate"}, {"redis_storage_options::tls.key_pem", "--redis-key"},
      {"redis_storage_options::tls.server_name", "--redis-server-name"}, {"redis_storage_options::tls", "--redis-ca and its like"},
      {"redis_storage_options::durability.within", "--redis-replicas-within"}, {"redis_storage_options::durability.replicas", "--redis-replicas"},
      {"redis_storage_options::sentinel.allowed_masters", "--sentinel-master"}, {"health_check", "--redis-health-check"},
      {"redis_storage_options::", "--storage: "}, {"binding_keys", "--binding-keys"},
      {"placeholder_ttl", "--placeholder-ttl"}, {"deadlines.factory", "--factory-deadline"},
  }};
  for (auto const& [option, flag] : names)
    if (auto const at = sentence.find(option); at != std::string::npos) sentence.replace(at, option.size(), flag);
  return sentence;
}

std::vector<binding_key> load_binding_keys(std::string const& name) {
  std::vector<binding_key> keys;
  std::istringstream lines(read_file("--binding-keys", name));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();  // a key with it and one without would bind differently
    if (line.empty()) continue;
    auto const colon = line.find(':');
    if (colon == std::string::npos) throw CLI::ValidationError("--binding-keys", "line " + std::to_string(number) + " of '" + name + "' is not ID:KEY");
    keys.emplace_back(line.substr(0, colon), std::string_view(line).substr(colon + 1));
  }
  if (keys.empty()) throw CLI::ValidationError("--binding-keys", "'" + name + "' holds no key");
  return keys;
}

redis_flags::redis_flags(CLI::App& app) : group_(*app.add_option_group("Redis", "only with a URL as --storage")) {
  chosen_.key_prefix = "mooring:gateway:";
  add_text("--key-prefix", "before each key; ends with ':'", [this](std::string const& value) { chosen_.key_prefix = value; })->default_str("mooring:gateway:");
  add_text("--redis-ca", "PEM file of the authorities to believe (the system's)", [this](std::string const& value) { tls_.ca_pem = read_file("--redis-ca", value); });
  add_text("--redis-certificate", "PEM file of our own certificate", [this](std::string const& value) { tls_.certificate_pem = read_file("--redis-certificate", value); });
  add_text("--redis-key", "PEM file of its key", [this](std::string const& value) { tls_.key_pem = read_file("--redis-key", value); });
  add_text("--redis-server-name", "the name the server has to prove (the URL's host)", [this](std::string const& value) { tls_.server_name = value; });
  group_.add_flag("--redis-insecure", tls_.insecure, "believe any server");
  // Zero, unless given: the storage then takes the defaults that help tells.
  program::add_duration(group_, "--redis-dial-timeout", chosen_.dial_timeout, "connecting, TLS and login included", std::chrono::milliseconds(1), "5s");
  program::add_duration(group_, "--redis-read-timeout", chosen_.read_timeout, "for a reply to come", std::chrono::milliseconds(1), "3s");
  program::add_duration(group_, "--redis-write-timeout", chosen_.write_timeout, "for a request to leave", std::chrono::milliseconds(1), "3s");
  program::add_duration(group_, "--redis-operation-timeout", chosen_.operation_timeout, "a whole operation", std::chrono::milliseconds(1), "5s");
  program::add_duration(group_, "--redis-health-check", chosen_.health_check, "a silent server is given up after about this long", std::chrono::milliseconds(1), "2s");
  program::add_number(group_, "--redis-max-in-flight", chosen_.max_in_flight, "requests without a reply");
  program::add_number<std::size_t>(group_, "--redis-replicas", replicas_, "how many of the server's replicas have to know of a creation or an end; 0: nobody waits for them", 0);
  program::add_duration(group_, "--redis-replicas-within", durability_.within, "for them to know; shorter than half of --redis-health-check");
  program::add_duration(group_, "--sentinel-check", sentinel_.master_check, "between two questions to the Sentinels", std::chrono::milliseconds(1), "1s");
  program::add_duration(group_, "--sentinel-reassert", sentinel_.reassert_window, "ends of this long before a change of master are repeated at the new one", std::chrono::milliseconds(1), "1m");
  auto masters = [this](std::vector<std::string> const& all) {
    for (auto const& one : all) sentinel_.allowed_masters.push_back(parse_master(one));
  };
  group_.add_option_function<std::vector<std::string>>("--sentinel-master", masters, "a server to believe in as a master, without a port any of its (all that the Sentinels name); may be repeated")
      ->type_name("HOST[:PORT]")->take_all()->allow_extra_args(false);
}

std::string redis_flags::apply(std::optional<redis_storage_options>& into) const {
  if (!into) {
    for (auto const* option : group_.get_options())
      if (option->count() != 0) return option->get_name() + " needs --storage with the URL of a server";
    return {};
  }
  bool const has_tls_flags = !tls_.ca_pem.empty() || !tls_.certificate_pem.empty() || !tls_.key_pem.empty() || !tls_.server_name.empty() || tls_.insecure;
  if (has_tls_flags && !into->tls) return "flags for TLS need a --storage of scheme rediss or rediss+sentinel";
  if (has_tls_flags) into->tls = tls_;
  if (has_tls_flags && into->sentinel && into->sentinel->tls) {
    into->sentinel->tls = tls_;
    into->sentinel->tls->server_name.clear();  // the name is the master's
  }
  for (auto const* option : group_.get_options())
    if (option->count() != 0 && option->get_name().starts_with("--sentinel-") && !into->sentinel) return option->get_name() + " needs a --storage of scheme redis+sentinel or rediss+sentinel";
  if (into->sentinel) {
    into->sentinel->master_check = sentinel_.master_check;
    into->sentinel->reassert_window = sentinel_.reassert_window;
    into->sentinel->allowed_masters = sentinel_.allowed_masters;
  }
  if (replicas_ == 0 && group_.get_option("--redis-replicas-within")->count() != 0) return "--redis-replicas-within needs --redis-replicas";
  if (replicas_ != 0) {
    into->durability = durability_;
    into->durability->replicas = replicas_;
  }
  into->key_prefix = chosen_.key_prefix;
  into->dial_timeout = chosen_.dial_timeout;
  into->read_timeout = chosen_.read_timeout;
  into->write_timeout = chosen_.write_timeout;
  into->operation_timeout = chosen_.operation_timeout;
  into->health_check = chosen_.health_check;
  into->max_in_flight = chosen_.max_in_flight;
  return {};
}

CLI::Option* redis_flags::add_text(std::string const& flag, std::string const& about, std::function<void(std::string const&)> take) {
  return group_.add_option_function<std::string>(flag, std::move(take), about);
}

}  // namespace mooring::gateway
