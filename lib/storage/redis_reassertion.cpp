#include "storage/redis_reassertion.hpp"

#include "storage/recent_erasures.hpp"
#include "storage/redis_outcome.hpp"

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace mooring::detail {
namespace {

constexpr std::size_t most_erasures = 65536;
constexpr std::size_t keys_of_one_command = 512;

// By DEL. What this server did not have its successor may have.
bool may_be_erased(redis_outcome const& what) {
  auto const outcome = erase_outcome_of(what);
  return outcome || outcome.error() == errc::ambiguous;
}

// By a script that looks at the revision.
bool was_erased(redis_outcome const& what) {
  auto const outcome = change_outcome_of(what, true);
  return outcome && *outcome;
}

// By SET or by a script. What is in the way of a new record may be what an erase did not reach.
bool may_be_made(redis_outcome const& what) {
  bool const is_taken = !what.error && what.reply.what == redis_reply::kind::null;
  return what.is_done() || what.is("ok") || (!is_taken && failure_of(what, true) == errc::ambiguous);
}

struct erase_witness final : redis_witness {
  using decision = bool (*)(redis_outcome const&);

  erase_witness(std::shared_ptr<recent_erasures> e, clock_service& c, std::string i, decision d) : erasures(std::move(e)), clock(c), id(std::move(i)), is_due(d) {}

  void ended(redis_answer const& answer) override {
    if (is_due(redis_outcome(answer))) erasures->erased(id, clock.now());
  }

  std::shared_ptr<recent_erasures> const erasures;
  clock_service& clock;
  std::string const id;
  decision const is_due;
};

struct making_witness final : redis_witness {
  making_witness(std::shared_ptr<recent_erasures> e, std::string i) : erasures(std::move(e)), id(std::move(i)) {}

  void sent() override { erasures->begin_making(id); }
  void ended(redis_answer const& answer) override {
    if (answer.was_sent) erasures->end_making(id, may_be_made(redis_outcome(answer)));
  }

  std::shared_ptr<recent_erasures> const erasures;
  std::string const id;
};

}  // namespace

redis_reassertion::redis_reassertion(redis_storage_options const& options, clock_service& clock) : clock_(&clock), prefix_(options.key_prefix) {
  if (!options.sentinel) return;
  auto const window = options.sentinel->reassert_window;
  erasures_ = std::make_shared<recent_erasures>(window == duration::zero() ? std::chrono::seconds(60) : window, most_erasures);
}

redis_opening redis_reassertion::opening() const {
  redis_opening made;
  if (!erasures_) return made;
  made.next = [erasures = erasures_, clock = clock_, prefix = prefix_] {
    redis_opening::round next;
    auto const due = erasures->due(clock->now());
    next.is_all = due.is_all;
    for (auto const& id : due.ids) {
      if (next.commands.empty() || next.commands.back().size() > keys_of_one_command) next.commands.push_back({"DEL"});
      next.commands.back().push_back(prefix + id);
    }
    return next;
  };
  made.lost = [erasures = erasures_, clock = clock_] { erasures->lost(clock->now()); };
  made.carried_out = [erasures = erasures_, clock = clock_] { erasures->caught_up(clock->now()); };
  return made;
}

redis_witness_pointer redis_reassertion::of_erase(std::string id) const {
  return erasures_ ? std::make_shared<erase_witness>(erasures_, *clock_, std::move(id), may_be_erased) : nullptr;
}

redis_witness_pointer redis_reassertion::of_conditional_erase(std::string id) const {
  return erasures_ ? std::make_shared<erase_witness>(erasures_, *clock_, std::move(id), was_erased) : nullptr;
}

redis_witness_pointer redis_reassertion::of_making(std::string id) const {
  return erasures_ ? std::make_shared<making_witness>(erasures_, std::move(id)) : nullptr;
}

}  // namespace mooring::detail
