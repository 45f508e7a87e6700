#pragma once

#include <mooring/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mooring::detail {

/** What an `expiry_heap` keeps in order. The owner moves `expires` later whenever it likes, and never earlier. */
struct expiring {
  time_point expires{};
  std::uint32_t place = 0;  // the heap's own
};

/** @brief Finds what has expired, at no cost to what only moves its expiry.
 *
 *  A binary heap by the expiry that each node had when the heap last looked at it. Nodes only ever move later, so a node whose noted moment has not come has
 *  not expired; one whose moment has come is looked at again, and noted anew if it moved meanwhile. So sliding an expiry is one store, and the heap works at
 *  most once a time to live for each node.
 *
 *  Not thread-safe; holds pointers to nodes that its owner keeps alive and in place until `remove`.
 */
class expiry_heap {
 public:
  /** After it, one `push` does not throw. */
  void make_room();

  void push(expiring& node);
  void remove(expiring& node) noexcept;

  /** @brief A node with `expires <= now`, left in the heap; null when there is none. */
  expiring* find_expired(time_point now) noexcept;

  /** @brief How many nodes have `expires <= now`. Linear in the nodes that were due for a look, which is those that expired and those that moved. */
  std::size_t count_expired(time_point now) const;

  void clear() noexcept { items_.clear(); }
  std::size_t size() const noexcept { return items_.size(); }

 private:
  struct item {
    time_point noted;
    expiring* node;
  };

  void put(std::size_t place, item moved) noexcept;
  void sift_up(std::size_t place, item moved) noexcept;
  void sift_down(std::size_t place, item moved) noexcept;

  std::vector<item> items_;
};

}  // namespace mooring::detail
