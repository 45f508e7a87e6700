#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mooring::test {

/** A place in the one order of all events of a run: each start and each end takes the next number. */
using event_number = std::uint64_t;

/** One call as its caller saw it: it took effect at one moment between `start` and `end`. */
template <class Call>
struct operation {
  /** The end of a call that may take effect as late as it likes, or never: its outcome was lost. */
  static constexpr event_number never = std::numeric_limits<event_number>::max();

  event_number start = 0;
  event_number end = never;
  Call call{};
  bool is_optional = false;  ///< It took effect by `end`, or not at all.

  bool is_certain() const noexcept { return end != never && !is_optional; }
};

/** What a search found: nothing, or the calls that no order could place behind the best order there was. */
struct search_outcome {
  bool is_explained = false;
  std::vector<std::size_t> longest;  ///< Indices into the history: the longest order that fits.
  std::size_t visited = 0;           ///< How many different situations were looked at.
};

/** Searches an order of all calls that keeps to real time and to a sequential model.
 *
 *  `Model` has `state` (ordered), `call`, and `static std::optional<state> apply(state const&, call const&)`: the state behind the call, or nothing
 *  when the call cannot have ended as it did. Optional calls are placed where it helps, or left out.
 *
 *  Wing and Gong's search (1993), with Lowe's memory of situations seen (2017): a situation is the set of placed calls and the state.
 */
template <class Model>
class linearization {
 public:
  using state = typename Model::state;
  using history = std::vector<operation<typename Model::call>>;

  static search_outcome search(history const& calls, state initial) {
    linearization run(calls);
    run.found_.is_explained = run.place(initial);
    return run.found_;
  }

 private:
  explicit linearization(history const& calls) : calls_(calls), placed_(calls.size(), false) {
    missing_ = static_cast<std::size_t>(std::count_if(calls.begin(), calls.end(), [](auto const& one) { return one.is_certain(); }));
  }

  bool place(state const& now) {
    if (missing_ == 0) return true;
    if (!seen_.emplace(placed_, now).second) return false;
    ++found_.visited;
    // Whoever began after another ended cannot come before it. An optional one that is left behind so is left out.
    auto horizon = operation<typename Model::call>::never;
    event_number latest = 0;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (placed_[i]) latest = std::max(latest, calls_[i].start);
      else if (calls_[i].is_certain()) horizon = std::min(horizon, calls_[i].end);
    }
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (placed_[i] || calls_[i].start > horizon || calls_[i].end < latest) continue;
      auto const next = Model::apply(now, calls_[i].call);
      if (!next) continue;
      put(i);
      if (place(*next)) return true;
      take_back(i);
    }
    return false;
  }

  void put(std::size_t i) {
    placed_[i] = true;
    missing_ -= calls_[i].is_certain();
    order_.push_back(i);
    if (order_.size() > found_.longest.size()) found_.longest = order_;
  }

  void take_back(std::size_t i) {
    placed_[i] = false;
    missing_ += calls_[i].is_certain();
    order_.pop_back();
  }

  history const& calls_;
  std::vector<bool> placed_;
  std::vector<std::size_t> order_;
  std::set<std::pair<std::vector<bool>, state>> seen_;
  std::size_t missing_ = 0;
  search_outcome found_;
};

/** Empty when an order explains the history; else a text that lists the calls by start, with those that fitted the longest order marked. */
template <class Model>
std::string unexplained(typename linearization<Model>::history const& calls, typename linearization<Model>::state initial = {}) {
  auto const found = linearization<Model>::search(calls, initial);
  if (found.is_explained) return {};
  std::vector<std::size_t> by_start(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) by_start[i] = i;
  std::sort(by_start.begin(), by_start.end(), [&calls](auto a, auto b) { return calls[a].start < calls[b].start; });
  std::string text = "no order explains these calls (the number is the place in the longest order that fits):";
  for (auto const i : by_start) {
    auto const place = std::find(found.longest.begin(), found.longest.end(), i);
    text += "\n    " + (place == found.longest.end() ? std::string("-") : std::to_string(place - found.longest.begin() + 1));
    text += "  [" + std::to_string(calls[i].start) + ", " + (calls[i].end == operation<typename Model::call>::never ? "?" : std::to_string(calls[i].end)) + "] ";
    text += Model::describe(calls[i].call);
  }
  return text;
}

}  // namespace mooring::test
