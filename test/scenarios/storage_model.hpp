#pragma once

#include <mooring/storage/storage.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace mooring::test {

/** What a storage must answer, one call at a time: a plain map and the rules of expiry, written as the contract words them. */
class storage_model {
 public:
  struct kept {
    text_map value;
    hint_map hints;
    revision at;
    time_point created{};
    time_point expires{};
    bool is_fixed = false;
  };

  storage_model(duration ttl, std::optional<duration> lifetime, std::size_t most) : ttl_(ttl), lifetime_(lifetime), most_(most) {}

  /** The live record of an id; null when it is absent. */
  kept* find(std::string const& id, time_point now) {
    auto const place = records_.find(id);
    return place == records_.end() || now >= place->second.expires ? nullptr : &place->second;
  }

  std::size_t live(time_point now) const {
    return static_cast<std::size_t>(std::count_if(records_.begin(), records_.end(), [now](auto const& one) { return now < one.second.expires; }));
  }

  bool is_full(time_point now) const { return live(now) >= most_; }

  void put(std::string const& id, text_map value, revision at, time_point now, create_options how = {}) {
    auto const end = std::min(now + how.ttl.value_or(ttl_), end_of_life(now));
    records_[id] = {std::move(value), {}, at, now, end, how.is_fixed};
  }

  void change(kept& one, text_map value, revision at, time_point now) {
    one.value = std::move(value);
    one.at = at;
    one.is_fixed = false;
    slide(one, now);
  }

  void slide(kept& one, time_point now) const {
    if (!one.is_fixed) one.expires = std::max(one.expires, std::min(now + ttl_, end_of_life(one.created)));
  }

  void erase(std::string const& id) { records_.erase(id); }

 private:
  time_point end_of_life(time_point created) const { return lifetime_ ? created + *lifetime_ : time_point::max(); }

  duration ttl_;
  std::optional<duration> lifetime_;
  std::size_t most_;
  std::map<std::string, kept> records_;
};

}  // namespace mooring::test
