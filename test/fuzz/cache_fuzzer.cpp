// Any sequence of cache operations, one at a time, against a plain model: a list in the order of use, and what was disposed of why.

#include "fuzz/fuzzing.hpp"
#include "simulation/simulation.hpp"

#include <mooring/cache/validating_cache.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace mooring;
using test::demand;
using value = std::shared_ptr<int>;
using cache = validating_cache<std::string, value>;

class comparison {
 public:
  explicit comparison(test::decisions& input) : input_(input), capacity_(1 + input.below(3)) {
    cache_options options;
    options.capacity_entries = capacity_;
    options.negative_ttl = options.failure_backoff = duration(0);
    cache_callbacks<std::string, value> callbacks;
    callbacks.load = [this](std::string key) { return load(key); };
    callbacks.check = [this](std::string const& key, value const& held) { return *held == truth_[key] ? verdict::alive : verdict::expired; };
    callbacks.dispose = [this](std::string, value leaving, disposal_reason reason) { return dispose(std::move(leaving), reason); };
    auto made = cache::make(sim_.get_executor(), std::move(callbacks), options);
    cache_ = std::move(*made);
  }

  void run() {
    while (!input_.is_over()) {
      step();
      sim_.run_for(duration(1));
      compare();
    }
    bool is_closed = false;
    asio::co_spawn(sim_.get_executor(), cache_->close(), [&is_closed](std::exception_ptr) { is_closed = true; });
    sim_.run();
    while (!model_.empty()) drop(model_.size() - 1, disposal_reason::shutdown);
    demand(is_closed && cache_->size() == 0 && disposed_ == expected_, "close left a value, or disposed of one twice (CA45)");
  }

 private:
  using cached = std::pair<std::string, value>;

  void step() {
    std::string const key(1, static_cast<char>('a' + input_.below(5)));
    auto const place = find(key);
    switch (input_.below(8)) {
      case 0: return set(key, place);
      case 1: {
        demand(cache_->erase(key) == place.has_value(), "erase said the wrong thing (CA21)");
        if (place) drop(*place, disposal_reason::terminated);
        return;
      }
      case 2: {
        auto const held = cache_->peek(key);
        return demand(static_cast<bool>(held) == place.has_value() && (!place || *held == model_[*place].second), "peek differs (CA22)");
      }
      case 3: {
        truth_[key] = static_cast<int>(input_.below(4));
        return;
      }
      case 4: {
        bool const is_alive = place && *model_[*place].second == truth_[key];
        demand(static_cast<bool>(cache_->try_get(key)) == is_alive, "try_get differs (CA17)");
        if (place) use(*place);  // also when its check says that it is over
        return;
      }
      case 5: {
        auto const next = std::make_shared<int>(truth_[key]);
        bool const is_meant = place && input_.below(2) == 1;
        auto const done = cache_->set_if(key, is_meant ? model_[*place].second : next, next);
        demand(done.is_stored() == is_meant, "set_if differs (CA20)");
        if (is_meant) replace(key, place, next);
        return;
      }
      default: return get(key, place);
    }
  }

  void set(std::string const& key, std::optional<std::size_t> place) {
    auto const next = std::make_shared<int>(static_cast<int>(input_.below(4)));
    demand(cache_->set(key, next).has_value(), "set was refused (CA18)");
    replace(key, place, next);
  }

  void replace(std::string const& key, std::optional<std::size_t> place, value next) {
    if (place) drop(*place, disposal_reason::replaced);
    insert(key, std::move(next));
  }

  void get(std::string const& key, std::optional<std::size_t> place) {
    std::optional<value> answer;
    loaded_ = nullptr;
    asio::co_spawn(sim_.get_executor(), ask(key, &answer), [](std::exception_ptr thrown) { demand(!thrown, "a get threw"); });
    sim_.run_for(duration(1));
    demand(answer.has_value(), "a get did not end (RA45)");
    if (place && *model_[*place].second == truth_[key]) {
      demand(*answer == model_[*place].second && !loaded_, "a valid value was not served (CA09)");
      return use(*place);
    }
    if (place) drop(*place, disposal_reason::expired);
    demand(*answer == loaded_, "a get was not given what its load made (CA02, CA10)");
    demand((loaded_ != nullptr) == (truth_[key] != 0), "no load ran (CA02)");
    if (loaded_) insert(key, loaded_);
  }

  awaitable<void> ask(std::string key, std::optional<value>* answer) {
    auto got = co_await cache_->get(key);
    demand(got.has_value(), "a get failed");
    *answer = *got ? **got : value();
  }

  load_answer<value> load(std::string const& key) {
    if (truth_[key] == 0) return std::nullopt;
    loaded_ = std::make_shared<int>(truth_[key]);
    return loaded_;
  }

  awaitable<void> dispose(value leaving, disposal_reason reason) {
    disposed_.emplace(std::move(leaving), reason);
    co_return;
  }

  // The model: the most recently used first.
  std::optional<std::size_t> find(std::string const& key) const {
    for (std::size_t i = 0; i < model_.size(); ++i)
      if (model_[i].first == key) return i;
    return std::nullopt;
  }

  void use(std::size_t place) { std::rotate(model_.begin(), model_.begin() + static_cast<std::ptrdiff_t>(place), model_.begin() + static_cast<std::ptrdiff_t>(place) + 1); }

  void insert(std::string const& key, value made) {
    if (model_.size() == capacity_) drop(model_.size() - 1, disposal_reason::capacity);
    model_.insert(model_.begin(), cached(key, std::move(made)));
  }

  void drop(std::size_t place, disposal_reason reason) {
    expected_.emplace(model_[place].second, reason);
    model_.erase(model_.begin() + static_cast<std::ptrdiff_t>(place));
  }

  void compare() const {
    auto const keys = cache_->keys();
    demand(std::equal(keys.begin(), keys.end(), model_.begin(), model_.end(), [](auto const& key, auto const& one) { return key == one.first; }),
           "the order of use differs (CA23, RA46)");
    demand(disposed_ == expected_, "another value, or for another reason, was disposed of (CA42)");
  }

  test::decisions& input_;
  std::size_t const capacity_;
  std::map<std::string, int> truth_;
  std::vector<cached> model_;
  std::multimap<value, disposal_reason> expected_;
  std::multimap<value, disposal_reason> disposed_;
  value loaded_;
  test::simulation sim_{1};
  std::unique_ptr<cache> cache_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::decisions input(data, size);
  comparison(input).run();
  return 0;
}
