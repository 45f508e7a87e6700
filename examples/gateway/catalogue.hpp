#pragma once

#include <boost/json/array.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mooring::gateway {

/** @brief One kind of thing that a backend lists: how it is asked for, and which member names an item. */
struct listing {
  std::string_view method;   ///< Such as `tools/list`.
  std::string_view items;    ///< The member of the result that holds the items.
  std::string_view key;      ///< The member of an item by which it is asked for.
  std::string_view changed;  ///< The notification that the list is another now.
};

enum class listing_kind { tools, resources, resource_templates, prompts };

inline constexpr std::array<listing, 4> listings{{
    {"tools/list", "tools", "name", "notifications/tools/list_changed"},
    {"resources/list", "resources", "uri", "notifications/resources/list_changed"},
    {"resources/templates/list", "resourceTemplates", "uriTemplate", "notifications/resources/list_changed"},
    {"prompts/list", "prompts", "name", "notifications/prompts/list_changed"},
}};

constexpr listing const& listing_of(listing_kind kind) { return listings[static_cast<std::size_t>(kind)]; }

/** What one backend listed. */
struct contribution {
  contribution() = default;
  contribution(std::string b, boost::json::array i) : backend(std::move(b)), items(std::move(i)) {}

  std::string backend;
  boost::json::array items;
};

/** Where an item comes from. */
struct origin {
  origin() = default;
  origin(std::string b, std::string n) : backend(std::move(b)), name(std::move(n)) {}
  friend bool operator==(origin const&, origin const&) = default;

  std::string backend;
  std::string name;  ///< As the backend calls it.
};

/** @brief The lists of several backends made one.
 *
 *  Order and names depend on the backends' names and lists alone, so every replica shows the same: backends by name, each with its own order.
 *  A name that one backend has stays as it is. A name that several have gets the backend's name in front: `alpha_echo` for tools and prompts,
 *  `alpha+test://x` for URIs, which keeps them URIs.
 */
class catalogue {
 public:
  static constexpr std::size_t max_matched_uri = 8192;

  catalogue() = default;
  catalogue(listing_kind kind, std::vector<contribution> contributions);

  /** The merged items, renamed where names clash: the text of a JSON array, which takes a twentieth of the room of its values. */
  std::string const& items() const noexcept { return items_; }

  /** @brief Who offers an item under this name. The prefixed form finds an item also where no clash demands the prefix, so that a name learnt while
   *         another backend was there goes on working. */
  std::optional<origin> find(std::string_view exposed) const;

  /** @brief For templates: who offers a template that this URI fits (RFC 6570 level 1: `{name}` stands for any text without a slash). None for a URI longer
   *         than `max_matched_uri`: matching takes the URI's length times the templates'. */
  std::optional<origin> find_matching(std::string_view uri) const;

  /** @brief The name under which a backend's item is shown. An item that nobody listed keeps its name. */
  std::string exposed_name(std::string_view backend, std::string_view name) const;

 private:
  struct listed {
    std::string exposed;
    std::string prefixed;
    origin from;
  };
  std::vector<listed> listed_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  // exposed and prefixed names -> listed_
  std::string items_ = "[]";
};

/** @brief A backend's name in front of an item's. */
std::string prefixed_name(listing_kind kind, std::string_view backend, std::string_view name);

/** @brief Whether a URI fits a template whose expressions each stand for any text without a slash; `{+x}` and `{/x*}` stand for any text. */
bool fits_template(std::string_view uri, std::string_view uri_template);

}  // namespace mooring::gateway
