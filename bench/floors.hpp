#pragma once

// Plain, synchronous caches that do nothing but find, move to the front and evict: what a cache cannot be faster than by much.

#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mooring::bench {

using handle = std::shared_ptr<int>;

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

/** std::unordered_map and std::list. */
class standard_lru {
 public:
  explicit standard_lru(std::size_t capacity) : capacity_(capacity) {}

  handle find(std::string_view key) {
    auto const place = places_.find(key);
    if (place == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, place->second);
    return place->second->second;
  }

  void insert(std::string const& key, handle value) {
    if (places_.size() == capacity_) {
      places_.erase(places_.find(order_.back().first));
      order_.pop_back();
    }
    order_.emplace_front(key, std::move(value));
    places_.emplace(key, order_.begin());
  }

 private:
  using entries = std::list<std::pair<std::string, handle>>;
  std::size_t capacity_;
  entries order_;
  std::unordered_map<std::string, entries::iterator, text_hash, std::equal_to<>> places_;
};

/** Boost.Unordered's flat table of nodes that are linked into an intrusive list. */
class flat_lru {
 public:
  explicit flat_lru(std::size_t capacity) : capacity_(capacity) { nodes_.reserve(capacity); }
  flat_lru(flat_lru const&) = delete;
  flat_lru& operator=(flat_lru const&) = delete;
  ~flat_lru() {
    order_.clear();
    for (auto* const each : nodes_) delete each;
  }

  handle find(std::string_view key) {
    auto const place = nodes_.find(key);
    if (place == nodes_.end()) return nullptr;
    auto& found = **place;
    order_.splice(order_.begin(), order_, order_.iterator_to(found));
    return found.value;
  }

  void insert(std::string const& key, handle value) {
    if (nodes_.size() == capacity_) {
      auto& oldest = order_.back();
      nodes_.erase(&oldest);
      order_.pop_back();
      delete &oldest;
    }
    auto* const made = new node(key, std::move(value));
    nodes_.insert(made);
    order_.push_front(*made);
  }

 private:
  struct node : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    node(std::string k, handle v) : key(std::move(k)), value(std::move(v)) {}
    std::string key;
    handle value;
  };
  struct node_hash {
    using is_transparent = void;
    std::size_t operator()(node const* held) const noexcept { return text_hash()(held->key); }
    std::size_t operator()(std::string_view key) const noexcept { return text_hash()(key); }
  };
  struct node_equal {
    using is_transparent = void;
    bool operator()(node const* a, node const* b) const noexcept { return a->key == b->key; }
    bool operator()(node const* a, std::string_view b) const noexcept { return a->key == b; }
    bool operator()(std::string_view a, node const* b) const noexcept { return a == b->key; }
  };

  std::size_t capacity_;
  boost::unordered_flat_set<node*, node_hash, node_equal> nodes_;
  boost::intrusive::list<node> order_;
};

/** Any of them behind a mutex. */
template <class Lru>
class locked {
 public:
  explicit locked(std::size_t capacity) : held_(capacity) {}
  handle find(std::string_view key) {
    std::lock_guard lock(mutex_);
    return held_.find(key);
  }
  void insert(std::string const& key, handle value) {
    std::lock_guard lock(mutex_);
    held_.insert(key, std::move(value));
  }

 private:
  std::mutex mutex_;
  Lru held_;
};

}  // namespace mooring::bench
