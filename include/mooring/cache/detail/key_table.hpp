#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mooring::detail {

/** @brief What a `key_table` links. */
struct keyed_node {
  std::size_t hash = 0;
  keyed_node* next_in_bucket = nullptr;
};

/** @brief A chained hash table of nodes that somebody else owns. Knows hashes; equality is the caller's. Unequal keys may share a hash, equal nodes too. */
template <class Node>
class key_table {
 public:
  std::size_t size() const noexcept { return size_; }

  template <class IsEqual>
  Node* find(std::size_t hash, IsEqual&& is_equal) const noexcept(noexcept(is_equal(std::declval<Node&>()))) {
    if (buckets_.empty()) return nullptr;
    for (auto* each = buckets_[place_of(hash)]; each; each = each->next_in_bucket)
      if (each->hash == hash && is_equal(static_cast<Node&>(*each))) return static_cast<Node*>(each);
    return nullptr;
  }

  void insert(Node& added) {
    if (size_ >= buckets_.size()) grow();
    auto& bucket = buckets_[place_of(added.hash)];
    added.next_in_bucket = bucket;
    bucket = &added;
    ++size_;
  }

  /** @brief Some node, none when empty; for emptying a table. `from`: 0 at first, and kept between calls while nothing is inserted. */
  Node* any(std::size_t& from) const noexcept {
    for (; from < buckets_.size(); ++from)
      if (buckets_[from]) return static_cast<Node*>(buckets_[from]);
    return nullptr;
  }

  /** Requires: the node is in the table. */
  void remove(Node& gone) noexcept {
    auto* link = &buckets_[place_of(gone.hash)];
    while (*link != &gone) link = &(*link)->next_in_bucket;
    *link = gone.next_in_bucket;
    gone.next_in_bucket = nullptr;
    --size_;
  }

 private:
  // Multiplicative (Fibonacci) hashing: std::hash of an integer is the integer, whose low bits alone would fill few buckets.
  std::size_t place_of(std::size_t hash) const noexcept {
    return static_cast<std::size_t>((static_cast<std::uint64_t>(hash) * 0x9e3779b97f4a7c15ULL) >> shift_);
  }

  void grow() {
    auto const count = buckets_.empty() ? std::size_t{16} : buckets_.size() * 2;
    std::vector<keyed_node*> old(count, nullptr);
    old.swap(buckets_);
    shift_ = 64 - std::countr_zero(count);
    for (auto* chain : old) {
      while (chain) {
        auto* const moved = chain;
        chain = chain->next_in_bucket;
        auto& bucket = buckets_[place_of(moved->hash)];
        moved->next_in_bucket = bucket;
        bucket = moved;
      }
    }
  }

  std::vector<keyed_node*> buckets_;  // a power of two of them, or none
  int shift_ = 63;
  std::size_t size_ = 0;
};

/** @brief A doubly linked order of nodes that somebody else owns: the newest first, the oldest last. Links are `newer` and `older`. */
template <class Node>
class age_list {
 public:
  Node* newest() const noexcept { return newest_; }
  Node* oldest() const noexcept { return oldest_; }
  bool empty() const noexcept { return !newest_; }

  void push_newest(Node& added) noexcept {
    added.newer = nullptr;
    added.older = newest_;
    (newest_ ? newest_->newer : oldest_) = &added;
    newest_ = &added;
  }

  void remove(Node& gone) noexcept {
    (gone.newer ? gone.newer->older : newest_) = gone.older;
    (gone.older ? gone.older->newer : oldest_) = gone.newer;
    gone.newer = gone.older = nullptr;
  }

  void renew(Node& used) noexcept {
    if (newest_ == &used) return;
    remove(used);
    push_newest(used);
  }

 private:
  Node* newest_ = nullptr;
  Node* oldest_ = nullptr;
};

}  // namespace mooring::detail
