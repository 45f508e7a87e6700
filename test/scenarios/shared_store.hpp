#pragma once

#include "simulation/faulty_storage.hpp"
#include "simulation/link_options.hpp"
#include "simulation/scripted_redis.hpp"
#include "simulation/simulation.hpp"
#include "storage/record_codec.hpp"

#include <mooring/storage/detail/redis_records.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/redis_storage.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mooring::test {

struct store_settings {
  duration ttl = std::chrono::minutes(30);
  std::optional<duration> absolute_lifetime;
  link_options way;  ///< Of each replica.
};

/** What the replicas of a scenario share, and the way of each to it. */
template <class T>
class shared_store {
 public:
  using update_watch = std::function<void(std::string const& id, T const& next)>;

  shared_store() = default;
  shared_store(shared_store const&) = delete;
  shared_store& operator=(shared_store const&) = delete;
  virtual ~shared_store() = default;

  /** @brief Another replica's way. `watch` is told of each update on a revision at the moment at which it is carried out. */
  virtual std::shared_ptr<storage<T>> way(executor ex, update_watch watch = {}) = 0;

  /** @brief What is stored now; nothing moves. */
  virtual std::optional<stored<T>> look(std::string const& id) const = 0;

  /** @brief How many requests one read may take where nothing fails. */
  virtual int requests_of_a_read() const = 0;

  /** @brief With what a call may fail, besides deadline and no connection, where the link has faults. */
  virtual bool may_fail_with(error_code error) const = 0;
};

/** The rules of the contract behind simulated links. */
template <class T>
class plain_store final : public shared_store<T> {
 public:
  plain_store(simulation& sim, store_settings const& settings)
      : sim_(sim), way_(settings.way), kept_(std::make_shared<simulated_store<T>>(options_of(settings))) {}

  std::shared_ptr<storage<T>> way(executor ex, typename shared_store<T>::update_watch watch) override {
    auto made = std::make_shared<faulty_storage<T>>(sim_, std::move(ex), kept_, way_);
    if (watch) made->watch_updates(std::move(watch));
    return made;
  }

  std::optional<stored<T>> look(std::string const& id) const override {
    auto found = kept_->table.read(id, detail::local_table<T>::reading::still, sim_.now());
    return found ? *found : std::nullopt;
  }

  int requests_of_a_read() const override { return 1; }
  bool may_fail_with(error_code error) const override { return error == errc::server_error; }

 private:
  static local_storage_options options_of(store_settings const& settings) {
    local_storage_options made;
    made.ttl = settings.ttl;
    made.absolute_lifetime = settings.absolute_lifetime;
    return made;
  }

  simulation& sim_;
  link_options const way_;
  std::shared_ptr<simulated_store<T>> const kept_;
};

/** `redis_storage` on scripted links to a model of a server. */
template <class T>
class redis_store final : public shared_store<T> {
 public:
  redis_store(simulation& sim, store_settings const& settings) : sim_(sim), way_(settings.way) {
    options_.address = redis_address{"nowhere", "1"};
    options_.key_prefix = "s:";
    options_.ttl = settings.ttl;
    options_.absolute_lifetime = settings.absolute_lifetime;
    options_.operation_timeout = settings.way.deadline;
    // With a lifetime, nearly every operation is a script.
    if (!options_.absolute_lifetime && sim.random(2) == 0) options_.absolute_lifetime = std::chrono::hours(24);
    if (settings.way.faults_permille == 0 || sim.random(2) == 0) server_->learn_scripts();
  }

  std::shared_ptr<storage<T>> way(executor ex, typename shared_store<T>::update_watch watch) override {
    auto link = std::make_shared<scripted_redis>(sim_, ex, server_, way_);
    if (watch) {
      link->watch([this, watch = std::move(watch)](redis_command const& sent, redis_reply const& reply) {
        auto const& update = detail::redis_scripts::all().update;
        if (!sent[0].starts_with("EVAL") || (sent[1] != update.digest() && sent[1] != update.text())) return;
        auto const& id = sent.at(4);
        auto const& expected = sent.at(7);
        bool const is_written = !reply.items.empty() && reply.items.front().text == "ok";
        if (is_written && !expected.empty()) watch(id, look(id)->value);
      });
    }
    return std::make_shared<redis_storage<T>>(detail::redis_records(std::move(link), std::move(ex), options_));
  }

  std::optional<stored<T>> look(std::string const& id) const override {
    auto const text = server_->look(options_.key_prefix + id, sim_.now());
    if (!text) return std::nullopt;
    auto record = detail::parse_record(id, *text).value().record;
    T value;
    static_cast<text_map&>(value) = std::get<text_map>(std::move(record.body));
    return stored<T>(record.revision, std::move(value), std::move(record.hints));
  }

  int requests_of_a_read() const override { return 2; }

  bool may_fail_with(error_code error) const override {
    constexpr std::array known{errc::server_error,      errc::storage_full, errc::auth_failed,  errc::permission_denied, errc::corrupt_record,
                               errc::config_error,      errc::protocol_error, errc::wrong_master};
    return std::ranges::find(known, error) != known.end();
  }

 private:
  simulation& sim_;
  link_options const way_;
  redis_storage_options options_;
  std::shared_ptr<redis_model> const server_ = std::make_shared<redis_model>();
};

template <class T>
using make_store = std::unique_ptr<shared_store<T>> (*)(simulation&, store_settings const&);

template <template <class> class Store, class T>
std::unique_ptr<shared_store<T>> make_of(simulation& sim, store_settings const& settings) {
  return std::make_unique<Store<T>>(sim, settings);
}

}  // namespace mooring::test
