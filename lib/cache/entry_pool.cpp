#include <mooring/cache/detail/entry_pool.hpp>

// Part of every program that ASan watches, and absent from all others.
extern "C" {
[[gnu::weak]] void __asan_poison_memory_region(void const volatile* from, std::size_t bytes);
[[gnu::weak]] void __asan_unpoison_memory_region(void const volatile* from, std::size_t bytes);
}

namespace mooring::detail {
namespace {

void forbid(void const* from, std::size_t bytes) noexcept {
  if (__asan_poison_memory_region) __asan_poison_memory_region(from, bytes);
}

void allow(void const* from, std::size_t bytes) noexcept {
  if (__asan_unpoison_memory_region) __asan_unpoison_memory_region(from, bytes);
}

}  // namespace

void entry_pool::block_end::operator()(block* gone) const noexcept {
  allow(gone, block_bytes);
  ::operator delete(gone, std::align_val_t(block_bytes));
}

void* entry_pool::take() {
  if (!free_) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  if (auto* const taken = free_) {
    free_ = taken->next;
    allow(taken, place_bytes_);
    return taken;
  }
  if (fresh_ == 0) {
    if (blocks_.size() >> (32 - place_bits) != 0) throw std::bad_alloc();
    auto* const bytes = ::operator new(block_bytes, std::align_val_t(block_bytes));
    blocks_.push_back(std::unique_ptr<block, block_end>(::new (bytes) block{&owner_, static_cast<std::uint32_t>(blocks_.size())}));
    fresh_ = places_;
  }
  auto const place = places_ - fresh_--;
  return reinterpret_cast<std::byte*>(blocks_.back().get()) + sizeof(block) + place * place_bytes_;
}

void entry_pool::give_back(void* place) noexcept {
  auto* const freed = ::new (place) free_place{nullptr};
  forbid(freed + 1, place_bytes_ - sizeof(free_place));
  // release: what was done in the place happens before it is taken again. All are taken at once, so that nobody looks at one that is taken meanwhile.
  freed->next = returned_.load(std::memory_order_relaxed);
  while (!returned_.compare_exchange_weak(freed->next, freed, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

}  // namespace mooring::detail
