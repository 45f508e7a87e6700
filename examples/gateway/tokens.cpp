#include "tokens.hpp"

#include "json_text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <fstream>
#include <sstream>
#include <utility>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

std::string text_of(json::object const& from, std::string_view key) {
  auto const* const found = from.if_contains(key);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

error_code refuse(std::string* why, char const* sentence) {
  if (why) *why = sentence;
  return make_error_code(errc::invalid_argument);
}

}  // namespace

result<tokens> tokens::parse(std::string_view text, std::string* why) {
  boost::system::error_code ec;
  auto const read = json::parse(text, ec);
  if (ec || !read.is_object()) return refuse(why, "the token file is not one JSON object");
  tokens made;
  made.is_required_ = true;
  if (has_twins(text)) return refuse(why, "a token is listed twice");  // the parser keeps the last of them
  for (auto const& [token, owner] : read.get_object()) {
    if (token.empty() || !owner.is_object()) return refuse(why, "each token must map to an object with issuer and subject");
    auto who = principal::of(text_of(owner.get_object(), "issuer"), text_of(owner.get_object(), "subject"));
    if (!who) return refuse(why, "each token needs an issuer and a subject, both strings and not empty");
    made.principals_.emplace(std::string(token), std::move(*who));
  }
  return made;
}

result<tokens> tokens::load(std::string const& path, std::string* why) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) return refuse(why, "the token file cannot be read");
  return parse(text.str(), why);
}

std::optional<principal> tokens::identify(http::fields const& header) const {
  if (!is_required_) return principal::anonymous();
  auto const given = header.all("Authorization");
  if (given.size() != 1) return std::nullopt;
  auto const space = given.front().find(' ');
  if (space == std::string_view::npos || !http::equals_ignoring_case(given.front().substr(0, space), "Bearer")) return std::nullopt;
  auto const found = principals_.find(std::string(http::trimmed(given.front().substr(space))));
  if (found == principals_.end()) return std::nullopt;
  return found->second;
}

}  // namespace mooring::gateway
