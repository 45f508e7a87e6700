#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mooring::detail {

/** @brief A hash table of 32-bit handles: what they stand for, and its key and hash, stays with the caller.
 *
 *  Buckets of one cache line: twelve handles, for each of them seven bits of its hash, so that a look-up reads one line and then, nearly always, the right
 *  entry; and how many handles had to pass a full bucket on their way, so that a look-up knows where to stop. A removal leaves no trace, but where that count
 *  has reached `many`: there it stays until the table grows. As folly's F14.
 *
 *  @tparam UsesVectors  Where the processor has them: compares the tags of a bucket in one step.
 */
template <bool UsesVectors>
class basic_entry_index {
 public:
  using handle = std::uint32_t;

  std::size_t size() const noexcept { return size_; }

  /** @brief What `look(handle)` gives for the handle that is looked for; null when it gives null for all that may be it. */
  template <class Look>
  auto find(std::size_t hash, Look const& look) const -> decltype(look(handle{})) {
    auto const [mixed, tag] = parts_of(hash);
    std::size_t at = home_of(mixed, buckets_.size());
    for (std::size_t passed = 0; passed < buckets_.size(); ++passed) {
      auto const& here = buckets_[at];
      for (auto hits = here.places_with(tag); hits != 0; hits &= hits - 1)
        if (auto* const found = look(here.handles[std::countr_zero(hits)])) return found;
      if (here.overflow == 0) break;
      at = next_of(at, tag);
    }
    return nullptr;
  }

  /** @brief Makes room for one more. `hash_of(handle)` is asked where the table has to grow, which it does up to what `most` handles need. */
  template <class HashOf>
  void make_room(std::size_t most, HashOf const& hash_of) {
    if (size_ < buckets_.size() * usual_load) return;
    auto const enough = (most / usual_load + 1) | 1U;
    auto const doubled = buckets_.size() * 2 + 5;  // always odd
    std::vector<bucket> old(doubled < enough || buckets_.size() >= enough ? doubled : enough);
    old.swap(buckets_);
    size_ = 0;
    for (auto const& each : old)
      for (std::size_t i = 0; i < bucket::places; ++i)
        if (each.is_taken(i)) insert(hash_of(each.handles[i]), each.handles[i]);
  }

  /** Requires: `make_room` came before; no equal one is in. */
  void insert(std::size_t hash, handle added) noexcept {
    auto const [mixed, tag] = parts_of(hash);
    std::size_t at = home_of(mixed, buckets_.size());
    for (;;) {
      auto& here = buckets_[at];
      auto const free = here.free_place();
      if (free < bucket::places) {
        here.put(free, tag, added);
        ++size_;
        return;
      }
      if (here.overflow != bucket::many) ++here.overflow;
      at = next_of(at, tag);
    }
  }

  /** Requires: it is in. */
  void remove(std::size_t hash, handle gone) noexcept {
    auto const [mixed, tag] = parts_of(hash);
    std::size_t at = home_of(mixed, buckets_.size());
    for (;;) {
      auto& here = buckets_[at];
      for (std::size_t i = 0; i < bucket::places; ++i) {
        if (here.handles[i] != gone || !here.is_taken(i)) continue;
        here.put(i, 0, 0);
        --size_;
        return;
      }
      if (here.overflow != bucket::many) --here.overflow;
      at = next_of(at, tag);
    }
  }

 private:
  static constexpr std::size_t usual_load = 9;  // of the twelve places of a bucket: with ten, every other look-up for what is absent passes on

  struct alignas(64) bucket {
    static constexpr std::size_t places = 12;
    static constexpr std::uint8_t many = 255;  // from here on the overflow is not counted any more

    // A byte for each place: 0 when it is free, otherwise the top bit and seven bits of the hash.
    std::uint64_t first_tags = 0;
    std::uint32_t last_tags = 0;
    std::uint8_t overflow = 0;
    handle handles[places] = {};

    // A bit for each place. All of them at once, so that no branch depends on where it is found: that could not be foreseen.
    std::uint32_t places_with(std::uint8_t tag) const noexcept {
#if defined(__SSE2__)
      if constexpr (UsesVectors) {
        auto const tags = _mm_load_si128(reinterpret_cast<__m128i const*>(this));  // and four bytes that count for nothing
        auto const equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
        return static_cast<std::uint32_t>(_mm_movemask_epi8(equal)) & ((1U << places) - 1);
      }
#endif
      auto const pattern = 0x0101010101010101U * tag;
      return gathered(zero_bytes(first_tags ^ pattern)) | (gathered(zero_bytes(last_tags ^ pattern)) & 0xfU) << 8;
    }
    std::size_t free_place() const noexcept {
      auto const taken = gathered(first_tags & top_bits) | (gathered(last_tags & top_bits) & 0xfU) << 8;
      return static_cast<std::size_t>(std::countr_one(taken));
    }
    bool is_taken(std::size_t place) const noexcept {
      return place < 8 ? (first_tags >> (8 * place) & 0x80U) != 0 : (last_tags >> (8 * (place - 8)) & 0x80U) != 0;
    }
    void put(std::size_t place, std::uint8_t tag, handle held) noexcept {
      if (place < 8) first_tags = (first_tags & ~(std::uint64_t{0xff} << (8 * place))) | std::uint64_t{tag} << (8 * place);
      else last_tags = (last_tags & ~(std::uint32_t{0xff} << (8 * (place - 8)))) | std::uint32_t{tag} << (8 * (place - 8));
      handles[place] = held;
    }
  };
  static_assert(sizeof(bucket) == 64);

  struct parts {
    std::uint32_t mixed;
    std::uint8_t tag;
  };

  static constexpr std::uint64_t top_bits = 0x8080808080808080U;

  // The top bit of each byte that is zero, exactly.
  static constexpr std::uint64_t zero_bytes(std::uint64_t word) noexcept { return ~(((word & ~top_bits) + ~top_bits) | word | ~top_bits); }
  // The top bits of the eight bytes as one byte, the lowest first. The others are zero.
  static std::uint32_t gathered(std::uint64_t tops) noexcept { return static_cast<std::uint32_t>((tops >> 7) * 0x0102040810204080U >> 56); }

  // Multiplicative (Fibonacci) hashing: std::hash of an integer is the integer, whose low bits alone would fill few buckets.
  static parts parts_of(std::size_t hash) noexcept {
    auto const product = static_cast<std::uint64_t>(hash) * 0x9e3779b97f4a7c15U;
    auto const high = static_cast<std::uint32_t>(product >> 32);
    return {high, static_cast<std::uint8_t>(0x80U | ((high ^ product) & 0x7fU))};
  }
  static std::size_t home_of(std::uint32_t mixed, std::size_t count) noexcept {
    return static_cast<std::size_t>((std::uint64_t{mixed} * count) >> 32);
  }

  // Where to look after a full bucket: steps of one would heap up what overflows behind crowded buckets. The steps are powers of two and the number of
  // buckets is odd, so that every bucket is reached.
  std::size_t next_of(std::size_t at, std::uint8_t tag) const noexcept {
    return (at + (std::size_t{1} << (tag & 7U))) % buckets_.size();
  }

  std::vector<bucket> buckets_;  // an odd number of them, or none
  std::size_t size_ = 0;
};

using entry_index = basic_entry_index<true>;

}  // namespace mooring::detail
