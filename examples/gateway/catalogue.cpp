#include "catalogue.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace mooring::gateway {

namespace json = boost::json;

namespace {

std::string name_of(json::value const& item, std::string_view key) {
  auto const* const object = item.if_object();
  auto const* const name = object ? object->if_contains(key) : nullptr;
  return name && name->is_string() ? std::string(name->get_string()) : std::string();
}

}  // namespace

std::string prefixed_name(listing_kind kind, std::string_view backend, std::string_view name) {
  bool const is_uri = kind == listing_kind::resources || kind == listing_kind::resource_templates;
  return std::string(backend).append(is_uri ? "+" : "_").append(name);
}

catalogue::catalogue(listing_kind kind, std::vector<contribution> contributions) {
  auto const key = listing_of(kind).key;
  std::sort(contributions.begin(), contributions.end(), [](auto const& a, auto const& b) { return a.backend < b.backend; });

  std::map<std::string, std::string> owner;  // name -> the one backend that has it, or empty
  for (auto const& from : contributions)
    for (auto const& item : from.items) {
      auto const [at, is_new] = owner.try_emplace(name_of(item, key), from.backend);
      if (!is_new && at->second != from.backend) at->second.clear();
    }

  json::array shown;
  for (auto& from : contributions) {
    for (auto& item : from.items) {
      auto const name = name_of(item, key);
      if (name.empty()) continue;
      listed entry{name, prefixed_name(kind, from.backend, name), origin(from.backend, name)};
      if (owner[name].empty()) entry.exposed = entry.prefixed;
      // Someone else's own name may look like a prefixed one; or a backend lists a name twice.
      while (entry.exposed != name && owner.contains(entry.exposed)) entry.exposed = prefixed_name(kind, from.backend, entry.exposed);
      if (!by_name_.try_emplace(entry.exposed, listed_.size()).second) continue;
      if (entry.exposed != name) item.get_object()[key] = entry.exposed;
      shown.push_back(std::move(item));
      listed_.push_back(std::move(entry));
    }
  }
  for (std::size_t i = 0; i != listed_.size(); ++i) by_name_.try_emplace(listed_[i].prefixed, i);
  items_ = json::serialize(shown);
}

std::optional<origin> catalogue::find(std::string_view exposed) const {
  auto const at = by_name_.find(exposed);
  if (at == by_name_.end()) return std::nullopt;
  return listed_[at->second].from;
}

std::optional<origin> catalogue::find_matching(std::string_view uri) const {
  if (uri.size() > max_matched_uri) return std::nullopt;
  for (auto const& entry : listed_) {
    if (fits_template(uri, entry.from.name) && entry.exposed == entry.from.name) return origin(entry.from.backend, std::string(uri));
    auto const added = entry.prefixed.size() - entry.from.name.size();
    if (uri.substr(0, added) == std::string_view(entry.prefixed).substr(0, added) && fits_template(uri.substr(added), entry.from.name))
      return origin(entry.from.backend, std::string(uri.substr(added)));
  }
  return std::nullopt;
}

std::string catalogue::exposed_name(std::string_view backend, std::string_view name) const {
  for (auto const& entry : listed_)
    if (entry.from.backend == backend && entry.from.name == name) return entry.exposed;
  return std::string(name);
}

bool fits_template(std::string_view uri, std::string_view uri_template) {
  // All places in the URI where what was read of the template may end: one pass over the template, however many expressions it has.
  std::vector<bool> reached(uri.size() + 1, false);
  reached[0] = true;
  while (!uri_template.empty()) {
    bool is_any_reached = false;
    std::vector<bool> next(uri.size() + 1, false);
    auto const open = uri_template.find('{');
    auto const close = open == 0 ? uri_template.find('}') : std::string_view::npos;
    if (close == std::string_view::npos) {
      auto const literal = uri_template.substr(0, std::max<std::size_t>(open, 1));
      for (std::size_t i = 0; i + literal.size() <= uri.size(); ++i)
        if (reached[i] && uri.substr(i, literal.size()) == literal) {
          next[i + literal.size()] = true;
          is_any_reached = true;
        }
      uri_template.remove_prefix(literal.size());
    } else {
      char const form = uri_template[1];
      bool const spans_segments = form == '+' || form == '/' || form == '?' || form == '#' || form == '&' || uri_template[close - 1] == '*';
      bool within = false;
      for (std::size_t i = 0; i <= uri.size(); ++i) {
        within = within || reached[i];
        is_any_reached = is_any_reached || within;
        next[i] = within;
        if (i < uri.size() && uri[i] == '/' && !spans_segments) within = false;
      }
      uri_template.remove_prefix(close + 1);
    }
    if (!is_any_reached) return false;
    reached.swap(next);
  }
  return reached[uri.size()];
}

}  // namespace mooring::gateway
