#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mooring::detail {

/** A reply of a Redis server: one value, or a list of values; what is nested deeper is left out. */
struct redis_reply {
  enum class kind { nothing, text, number, null, error, list };

  kind what = kind::nothing;
  std::string text;
  std::int64_t number = 0;
  std::vector<redis_reply> items;
};

}  // namespace mooring::detail
