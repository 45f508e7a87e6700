#pragma once

#include <mooring/cache/detail/cache_entry.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace mooring::detail {

/** @brief The memory of a cache's entries: places of one size in aligned blocks, named by 32-bit handles. Grows, and never shrinks.
 *
 *  Handles halve what links cost, and the blocks spare each entry the allocator's own words and a pointer to its engine. Where ASan watches, a free place is
 *  poisoned: the pool hides no use of what is gone.
 *
 *  @par Thread safety  All but `give_back` and `owner_of` under the engine's mutex.
 */
class entry_pool {
 public:
  using handle = std::uint32_t;
  static constexpr handle none = ~handle{0};

  /** @param place_bytes  The size of an entry, its key and value included: at most an eighth of a block.
   *  @param offset       Where in its place an entry's `cache_entry` stands. */
  entry_pool(cache_engine& owner, std::size_t place_bytes, std::size_t offset) noexcept
      : owner_(owner),
        place_bytes_(static_cast<std::uint32_t>(place_bytes)),
        offset_(static_cast<std::uint32_t>(offset + sizeof(block))),
        inverse_(static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + place_bytes - 1) / place_bytes)),
        places_(static_cast<std::uint32_t>(std::min<std::size_t>((block_bytes - sizeof(block)) / place_bytes, last_place))) {}
  entry_pool(entry_pool const&) = delete;
  entry_pool& operator=(entry_pool const&) = delete;

  cache_entry& at(handle which) const noexcept {
    auto* const bytes = reinterpret_cast<std::byte*>(blocks_[which >> place_bits].get());
    return *std::launder(reinterpret_cast<cache_entry*>(bytes + offset_ + (which & last_place) * place_bytes_));
  }
  cache_entry* find(handle which) const noexcept { return which == none ? nullptr : &at(which); }

  handle of(cache_entry const& entry) const noexcept {
    auto const address = reinterpret_cast<std::uintptr_t>(&entry);
    auto const& home = block_of(address);
    auto const offset = static_cast<std::uint32_t>(address - reinterpret_cast<std::uintptr_t>(&home)) - static_cast<std::uint32_t>(sizeof(block));
    return home.number << place_bits | static_cast<handle>((std::uint64_t{offset} * inverse_) >> 32);
  }

  static cache_engine& owner_of(cache_entry const& entry) noexcept { return *block_of(reinterpret_cast<std::uintptr_t>(&entry)).owner; }

  /** Room for one entry. */
  void* take();

  /** An entry is destroyed, and its place is free. Any thread, without the mutex. */
  void give_back(void* place) noexcept;

  static constexpr std::size_t block_bytes = 16384;

 private:
  static constexpr unsigned place_bits = 9;
  static constexpr handle last_place = (1U << place_bits) - 1;  // no block has this one, so that `none` names nothing

  struct block {
    cache_engine* owner;
    std::uint32_t number;
  };
  static_assert(sizeof(block) == 16);
  struct block_end {
    void operator()(block* gone) const noexcept;
  };
  struct free_place {
    free_place* next;
  };

  static block& block_of(std::uintptr_t address) noexcept { return *reinterpret_cast<block*>(address & ~std::uintptr_t{block_bytes - 1}); }

  cache_engine& owner_;
  std::uint32_t const place_bytes_;
  std::uint32_t const offset_;   // of the first place's cache_entry in a block
  std::uint32_t const inverse_;  // 2^32 / place_bytes, rounded up: exact for all offsets in a block
  std::uint32_t const places_;   // in a block
  std::uint32_t fresh_ = 0;      // of the last block, never taken
  std::vector<std::unique_ptr<block, block_end>> blocks_;
  free_place* free_ = nullptr;
  std::atomic<free_place*> returned_{nullptr};
};

/** @brief An order of a pool's entries: the newest first, the oldest last. */
class entry_order {
 public:
  explicit entry_order(entry_pool const& of) noexcept : pool_(of) {}

  cache_entry* newest() const noexcept { return pool_.find(newest_); }
  cache_entry* oldest() const noexcept { return pool_.find(oldest_); }
  cache_entry* newer_than(cache_entry const& entry) const noexcept { return pool_.find(entry.newer); }
  cache_entry* older_than(cache_entry const& entry) const noexcept { return pool_.find(entry.older); }

  void push_newest(cache_entry& added) noexcept { push(added, pool_.of(added)); }

  void remove(cache_entry& gone) noexcept {
    (gone.newer != entry_pool::none ? pool_.at(gone.newer).older : newest_) = gone.older;
    (gone.older != entry_pool::none ? pool_.at(gone.older).newer : oldest_) = gone.newer;
  }

  void renew(cache_entry& used) noexcept {
    if (used.newer == entry_pool::none) return;
    auto const mine = pool_.at(used.newer).older;  // spares asking the used one's block, which is far away
    remove(used);
    push(used, mine);
  }

 private:
  void push(cache_entry& added, entry_pool::handle name) noexcept {
    added.newer = entry_pool::none;
    added.older = newest_;
    (newest_ != entry_pool::none ? pool_.at(newest_).newer : oldest_) = name;
    newest_ = name;
  }

  entry_pool const& pool_;
  entry_pool::handle newest_ = entry_pool::none;
  entry_pool::handle oldest_ = entry_pool::none;
};

}  // namespace mooring::detail
