#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/error.hpp>
#include <mooring/storage/detail/admit.hpp>
#include <mooring/storage/detail/redis_records.hpp>
#include <mooring/storage/redis_options.hpp>
#include <mooring/storage/storage.hpp>
#include <mooring/storage/value_traits.hpp>

#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace mooring {

/** What a value needs to be kept outside this process: to be named texts, or to have a written form of its own. */
template <class T>
concept writable_value = std::derived_from<T, text_map> || requires(T const& value, std::string_view text) {
  { value_traits<T>::encode(value) } -> std::convertible_to<std::string>;
  { value_traits<T>::decode(text) } -> std::same_as<result<T>>;
};

/** @brief Keeps values in a Redis server, for all replicas that share its key prefix.
 *
 *  Connects at the first operation; while there is no connection, operations are `unavailable` at once, or wait for an attempt that is under way.
 *  A write is sent once. Its key is prefix and id; its value one JSON object. Expiry is the server's: `erase_expired` has nothing to do and sends nothing.
 *  A fixed record, an absolute lifetime, an update and a hint write take one script on that one key; all else is one plain command.
 *  A `load` of a fixed record takes two requests, of which the first slides the key; where it is cut off between them, the key outlives the record until somebody looks.
 *  It is absent for every operation but `erase`, which does not look, so that it can remove what nobody can read: it says true of such a record, and has removed it.
 *
 *  @par Errors  Besides those of the contract, of every operation: `errc::auth_failed`, `permission_denied`, `config_error`, `protocol_error`, `server_error`,
 *       `storage_full` (no memory), `wrong_master`, `busy` (`max_in_flight` reached), `unsupported_version` (a newer record). Nothing was changed.
 *  @par Thread safety  Any thread, concurrently with every member. The connection lives on a strand of its own. The storage may be destroyed while operations wait;
 *       as any object with a socket, before its context.
 */
template <writable_value T>
class redis_storage final : public storage<T> {
 public:
  /** @brief Checks the options. Does no I/O: a server that cannot be reached is no error here.
   *
   *  @param why  Where given, is set to a sentence naming field, value and rule, when the options are refused.
   *  @par Errors  `errc::invalid_argument`: an option breaks its documented rule.
   */
  static result<std::shared_ptr<redis_storage>> make(executor ex, redis_storage_options options, std::string* why = nullptr) {
    if (auto checked = check(options, why); !checked) return checked.error();
    return std::make_shared<redis_storage>(detail::redis_records(std::move(ex), std::move(options)));
  }

  /** Made on a way to a server that is not ours, as tests do: `make` is for everybody else. The options were checked. */
  explicit redis_storage(detail::redis_records records) : records_(std::move(records)) {}

  awaitable<write_outcome> create(std::string id, T value, create_options call = {}) override {
    return create_in(records_, std::move(id), std::move(value), call);
  }

  awaitable<write_outcome> update(std::string id, T value, call_options call = {}) override {
    return update_in(records_, std::move(id), std::move(value), std::nullopt, call);
  }

  awaitable<write_outcome> update(std::string id, T value, revision expected, call_options call = {}) override {
    return update_in(records_, std::move(id), std::move(value), expected, call);
  }

  awaitable<write_outcome> store(std::string id, T value, call_options call = {}) override {
    return store_in(records_, std::move(id), std::move(value), call);
  }

  awaitable<result<bool>> update_hints(std::string id, hint_map hints, call_options call = {}) override {
    return update_hints_in(records_, std::move(id), std::move(hints), call);
  }

  awaitable<result<std::optional<stored<T>>>> load(std::string id, call_options call = {}) override {
    return read_from(records_, std::move(id), records::reading::sliding, call);
  }

  awaitable<result<std::optional<stored<T>>>> peek(std::string id, call_options call = {}) override {
    return read_from(records_, std::move(id), records::reading::still, call);
  }

  awaitable<result<bool>> touch(std::string id, call_options call = {}) override { return touch_in(records_, std::move(id), call); }

  awaitable<result<bool>> erase(std::string id, call_options call = {}) override {
    return erase_from(records_, std::move(id), std::nullopt, call);
  }

  awaitable<result<bool>> erase(std::string id, revision expected, call_options call = {}) override {
    return erase_from(records_, std::move(id), expected, call);
  }

  awaitable<result<std::size_t>> erase_expired(call_options call = {}) override { return erase_expired_from(records_, call); }

  std::optional<duration> ttl() const noexcept override { return records_.ttl(); }

  awaitable<void> close() override { return records_.close(); }

  /** Goes up with each connection that is made. */
  std::uint64_t epoch() const noexcept override { return records_.epoch(); }

  /** By WAIT, as `redis_storage_options::durability` says. */
  awaitable<result<bool>> confirm_replication(std::uint64_t since, call_options call = {}) override { return confirm_through(records_, since, call); }

  /** @brief How long operations will be `unavailable` without being tried, because the server is left alone after a failure; zero where they are tried now. */
  duration retry_after() const noexcept { return records_.pause(); }

  /** @brief Whether the server can be reached, lets us in and lets us write under the prefix: for those who want to know before the first session comes. Where
   *  the server lets us look, the log is warned of settings with which it may lose sessions.
   *  @par Errors  Those of every operation.
   */
  awaitable<result<>> ping(call_options call = {}) { return ping_through(records_, call); }

 private:
  using records = detail::redis_records;

  // What runs holds the records, so that the storage may be destroyed meanwhile.

  static awaitable<write_outcome> create_in(records held, std::string id, T value, create_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held.limits()); !checked) co_return checked.error();
    auto body = body_of(std::move(value));
    co_return co_await held.create(std::move(id), std::move(body), call);
  }

  static awaitable<write_outcome> update_in(records held, std::string id, T value, std::optional<revision> expected, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held.limits()); !checked) co_return checked.error();
    auto body = body_of(std::move(value));
    co_return co_await held.update(std::move(id), std::move(body), expected, call);
  }

  static awaitable<write_outcome> store_in(records held, std::string id, T value, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = value_traits<T>::check(value, held.limits()); !checked) co_return checked.error();
    auto body = body_of(std::move(value));
    co_return co_await held.store(std::move(id), std::move(body), call);
  }

  static awaitable<result<bool>> update_hints_in(records held, std::string id, hint_map hints, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (auto checked = check_text_map(hints, held.limits()); !checked) co_return checked.error();
    co_return co_await held.update_hints(std::move(id), std::move(hints), call);
  }

  static awaitable<result<std::optional<stored<T>>>> read_from(records held, std::string id, typename records::reading how, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    auto found = co_await held.read(std::move(id), how, call);
    if (!found) co_return found.error();
    if (!*found) co_return std::optional<stored<T>>();
    auto value = value_of(std::move((*found)->body));
    if (!value) co_return value.error();
    // What no storage would have taken is no record of ours.
    if (!value_traits<T>::check(*value, held.limits()) || !check_text_map((*found)->hints, held.limits())) co_return make_error_code(errc::corrupt_record);
    co_return std::optional<stored<T>>(stored<T>((*found)->revision, std::move(*value), std::move((*found)->hints)));
  }

  static awaitable<result<bool>> touch_in(records held, std::string id, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return co_await held.touch(std::move(id), call);
  }

  static awaitable<result<bool>> erase_from(records held, std::string id, std::optional<revision> expected, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit(id, call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return co_await held.erase(std::move(id), expected, call);
  }

  static awaitable<result<std::size_t>> erase_expired_from(records held, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit("any", call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    if (held.is_closed()) co_return make_error_code(errc::closed);
    co_return std::size_t{0};
  }

  static awaitable<result<bool>> confirm_through(records held, std::uint64_t since, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit("any", call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return co_await held.confirm_replication(since, call);
  }

  static awaitable<result<>> ping_through(records held, call_options call) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (auto admitted = detail::admit("any", call.deadline, state.cancelled()); !admitted) co_return admitted.error();
    co_return co_await held.ping(call);
  }

  static detail::record_body body_of(T value) {
    if constexpr (std::derived_from<T, text_map>) return detail::record_body(std::in_place_type<text_map>, std::move(static_cast<text_map&>(value)));
    else return detail::record_body(std::in_place_type<std::string>, value_traits<T>::encode(value));
  }

  static result<T> value_of(detail::record_body body) {
    if constexpr (std::derived_from<T, text_map>) {
      auto* const texts = std::get_if<text_map>(&body);
      if (!texts) return make_error_code(errc::corrupt_record);
      T value;
      static_cast<text_map&>(value) = std::move(*texts);
      return value;
    } else {
      auto* const text = std::get_if<std::string>(&body);
      if (!text) return make_error_code(errc::corrupt_record);
      return value_traits<T>::decode(*text);
    }
  }

  records const records_;
};

}  // namespace mooring
