#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace mooring::detail {

/** @brief The deadlines of many, behind one alarm: to have one costs no more than a place in a sorted list.
 *
 *  Whoever has a deadline is kept alive by the alarm alone, so that a context which ends lets go of all of them: they may own this object.
 *  Used on one strand.
 */
template <class T>
class deadlines {
 private:
  using places = std::multimap<time_point, std::shared_ptr<T>>;

 public:
  /** Where one stands. A default-made one is nowhere. */
  class place {
   private:
    friend class deadlines;
    std::weak_ptr<places> in_;
    typename places::iterator at_;
  };

  /** @param passed  Told, on `on`, of each whose deadline has passed, and has to `remove` it; perhaps also of one that was removed while others passed. Must not own
   *                 this object. */
  deadlines(clock_service& clock, executor on, std::function<void(std::shared_ptr<T> const&)> passed)
      : state_(std::make_shared<state>(clock, std::move(on), std::move(passed))) {}

  place add(time_point when, std::shared_ptr<T> whose) {
    auto open = state_->open.lock();
    if (!open) state_->open = open = std::make_shared<places>();
    place made;
    made.in_ = open;
    made.at_ = open->emplace_hint(open->end(), when, std::move(whose));  // most are for the same span, and so in order
    if (!state_->armed_for || when < *state_->armed_for) state_->arm(open);
    return made;
  }

  void remove(place& from) {
    auto const open = std::exchange(from.in_, {}).lock();
    if (!open) return;
    auto const kept = std::move(from.at_->second);  // its end may be the end of everything here
    open->erase(from.at_);
    // Else the alarm stays, and finds out what is left when it goes off.
    if (open->empty()) state_->disarm();
  }

 private:
  struct state : std::enable_shared_from_this<state> {
    state(clock_service& c, executor o, std::function<void(std::shared_ptr<T> const&)> p) : clock(c), on(std::move(o)), passed(std::move(p)) {}

    void disarm() {
      if (std::exchange(armed_for, {})) clock.cancel(alarm);
    }

    void arm(std::shared_ptr<places> const& open) {
      auto const until = open->begin()->first;
      auto const number = last_number + 1;
      auto const made = clock.schedule(until, on, [held = this->weak_from_this(), open, number] {
        auto const self = held.lock();
        if (self && self->last_number == number && self->armed_for) self->fire(open);
      });
      // Only now, so that nobody is left without an alarm where there is no memory for another.
      disarm();
      armed_for = until;
      alarm = made;
      last_number = number;
    }

    void fire(std::shared_ptr<places> const& open) {
      struct rearming {
        ~rearming() {
          if (!open->empty() && !self.armed_for) self.arm(open);
        }
        state& self;
        std::shared_ptr<places> const& open;
      } const after{*this, open};
      armed_for.reset();
      std::vector<std::shared_ptr<T>> due;
      auto const now = clock.now();
      for (auto each = open->begin(); each != open->end() && each->first <= now; ++each) due.push_back(each->second);
      for (auto const& each : due) passed(each);
    }

    clock_service& clock;
    executor const on;
    std::function<void(std::shared_ptr<T> const&)> const passed;
    std::weak_ptr<places> open;
    std::optional<time_point> armed_for;  // while an alarm is out
    clock_service::alarm alarm;
    std::uint64_t last_number = 0;  // of the alarms: one that was posted can't be cancelled any more
  };

  std::shared_ptr<state> const state_;
};

}  // namespace mooring::detail
