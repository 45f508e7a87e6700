#include <mooring/cache/detail/cache_engine.hpp>

#include <boost/system/system_error.hpp>

#include <utility>

// How a cache ends: by `close`, or by being destroyed.

namespace mooring::detail {
namespace {

// How long tasks that were cancelled at the deadline may take to notice.
constexpr duration closing_grace = std::chrono::seconds(1);

}  // namespace

bool cache_engine::is_idle() const noexcept {
  return index_.size() == 0 && draining_count_ == 0 && disposing_ == 0 && running_ == 0;
}

void cache_engine::refuse_all(decision& d, disposal_reason reason, bool is_disowned) {
  auto const closed = cache_step::failure(make_error_code(errc::closed));
  is_closed_ = true;
  while (auto* const entry = order_.oldest()) {
    auto* const check = entry->flight();
    if (check) {
      supersede(d, *check, closed);
      want_no_more(d, *check);
    }
    take_out(d, *entry, reason, is_disowned);
  }
  std::size_t from = 0;
  while (auto* const flight = current_.any(from)) {
    supersede(d, *flight, closed);
    want_no_more(d, *flight);
  }
  from = 0;
  while (auto* const fence = fences_.any(from)) {
    fences_.remove(*fence);
    fence->is_in_table = false;
    fence->is_settled = true;
  }
  bound(d, negatives_, 0);
  bound(d, failures_, 0);
  d.check_end();
}

awaitable<void> cache_engine::close(call_options call) {
  auto const self = shared_from_this();
  auto const span = call.deadline.value_or(options_.drain_deadline);
  {
    decision d(*this);
    if (span <= duration::zero()) is_forced_ = true;
    if (!is_closed_) refuse_all(d, disposal_reason::shutdown, false);
    if (!is_close_done_ && span > duration::zero()) {
      close_alarms_.push_back(clock_.schedule(saturating_add(clock_.now(), span), home_, [weak = weak_from_this()] {
        if (auto const engine = weak.lock()) engine->force_close();
      }));
    }
    d.check_end();
  }
  if (span <= duration::zero()) force_close();
  flights_.cancel();
  co_await all_closed_.wait_uncancelled();
  {
    std::lock_guard lock(mutex_);
    if (!is_idle()) co_return;
  }
  // What the ended tasks leave to their scopes: a few steps. A cancelled caller cannot await them, and need not.
  try {
    co_await flights_.close();
    co_await disposals_.close();
    co_await last_disposals_.close();
  } catch (boost::system::system_error const&) {
    // Cancelled, see above.
  }
}

void cache_engine::force_close() {
  {
    decision d(*this);
    if (is_close_done_) return;
    is_forced_ = true;
    for (auto* each = draining_.oldest(); each;) {
      auto* const next = draining_.newer_than(*each);
      revoke(d, *each);
      each = next;
    }
    close_alarms_.push_back(clock_.schedule(saturating_add(clock_.now(), closing_grace), home_, [weak = weak_from_this()] {
      if (auto const engine = weak.lock()) engine->give_up_closing();
    }));
    d.check_end();
  }
  disposals_.cancel();
}

void cache_engine::give_up_closing() {
  std::vector<clock_service::alarm> alarms;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(is_close_done_, true)) return;
    alarms.swap(close_alarms_);
  }
  for (auto const& alarm : alarms) clock_.cancel(alarm);
  last_disposals_.cancel();
  all_closed_.set();
}

void cache_engine::desert() noexcept {
  std::vector<clock_service::alarm> alarms;
  {
    decision d(*this);
    is_deserted_ = true;
    is_close_done_ = true;
    alarms.swap(close_alarms_);
    refuse_all(d, disposal_reason::shutdown, true);
    while (auto* const entry = draining_.oldest()) {
      draining_.remove(*entry);
      --draining_count_;
      entry->is_disowned = true;
      entry->closes_after_check = false;
    }
    if (drain_alarm_) {
      clock_.cancel(*drain_alarm_);
      drain_alarm_.reset();
    }
    self_ = shared_from_this();  // until no entry and no check needs it; at once, if none does
  }
  for (auto const& alarm : alarms) clock_.cancel(alarm);
  flights_.cancel();
  disposals_.cancel();
  last_disposals_.cancel();
  all_closed_.set();
}

}  // namespace mooring::detail
