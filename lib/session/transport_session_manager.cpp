#include <mooring/session/transport_session_manager.hpp>

#include "core/span_text.hpp"
#include "session/transport_manager_state.hpp"

#include <mooring/storage/detail/admit.hpp>

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace mooring {
namespace {

constexpr duration default_ttl = std::chrono::minutes(30);

error_code refuse(std::string* why, std::string const& what, std::string const& is, std::string const& rule) {
  if (why) *why = what + " is " + is + "; " + rule + ".";
  return make_error_code(errc::invalid_argument);
}

std::string option(char const* name) { return std::string("transport_manager_options::") + name; }

result<> check(transport_manager_options const& options, std::string* why) {
  struct {
    char const* name;
    duration span;
  } const spans[] = {{"ttl", options.ttl.value_or(default_ttl)}, {"operation_deadline", options.operation_deadline}, {"cleanup_deadline", options.cleanup_deadline}};
  for (auto const& [name, span] : spans)
    if (span <= duration::zero()) return refuse(why, option(name), detail::span_text(span), "it must be above zero");
  return {};
}

}  // namespace

// What runs holds the state, so that the manager may be destroyed meanwhile.
struct transport_session_manager::steps {
  using state_pointer = std::shared_ptr<state>;
  using made_manager = result<std::unique_ptr<transport_session_manager>>;

  static made_manager make(executor const& ex, storage_pointer store, duration ttl, transport_manager_options options) {
    if (!options.make_session)
      options.make_session = [](std::string id, wall_time now) { return make_transport_session(std::move(id), std::string(transport_type::mcp), now); };
    auto made = std::make_shared<state>(ex, std::move(store), ttl, std::move(options));
    return std::unique_ptr<transport_session_manager>(new transport_session_manager(std::move(made)));
  }

  static awaitable<result<transport_session_ptr>> add_with_id(state_pointer held, std::string id, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (auto admitted = held->admit(id); !admitted) co_return admitted.error();
    if (auto begun = detail::admit(id, call.deadline, cancellation.cancelled()); !begun) co_return begun.error();
    auto session = held->make_session(id);
    if (!session) co_return make_error_code(errc::load_failed);
    auto const added = co_await add(held, session, call);
    if (!added) {
      // Where the objects themselves are stored, this one may be.
      if (held->is_redis || added.error() != errc::ambiguous) held->close(session);
      co_return added.error();
    }
    co_return std::move(session);
  }

  static awaitable<result<>> add(state_pointer held, transport_session_ptr session, call_options call) {
    if (auto admitted = held->admit(session); !admitted) co_return admitted.error();
    auto id = session->id();
    create_options own;
    own.deadline = held->within(call).deadline;
    auto const made = co_await held->store->create(std::move(id), held->to_store(std::move(session)), own);
    if (!made) co_return made.error();
    co_return result<>();
  }

  // An update keeps the moment of creation, and so the end that an absolute lifetime sets. Where the objects themselves are stored, it has to be known which one
  // left, so that it is closed and no other is: each write names what it replaces.
  static awaitable<result<>> upsert(state_pointer held, transport_session_ptr given, call_options call) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    if (auto admitted = held->admit(given); !admitted) co_return admitted.error();
    auto const own = held->within(call);
    create_options as_new;
    as_new.deadline = own.deadline;
    auto const id = given->id();
    auto const session = held->to_store(std::move(given));
    for (;;) {
      auto const found = co_await held->store->peek(id, own);
      if (!found) co_return found.error();
      if (detail::is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      if (!*found) {
        auto const made = co_await held->store->create(id, session, as_new);
        if (made) co_return result<>();
        if (made.error() != errc::exists) co_return made.error();
      } else {
        auto const written = co_await held->store->update(id, session, (*found)->revision, own);
        if (written.is_written()) {
          if (held->local && (*found)->value != session) held->close((*found)->value);
          co_return result<>();
        }
        if (!written && written.error() != errc::conflict) co_return written.error();
      }
      // Another came in between.
      if (detail::is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
    }
  }

  static awaitable<result<transport_session_ptr>> get(state_pointer held, std::string id, call_options call) {
    if (held->is_stopped) co_return make_error_code(errc::closed);
    auto const own = held->within(call);
    auto found = co_await held->store->load(id, own);
    if (!found) co_return found.error();
    if (!*found) co_return transport_session_ptr();
    auto session = std::move((*found)->value);
    if (!session || session->id() != id) co_return make_error_code(errc::corrupt_record);
    co_return std::move(session);
  }

  static awaitable<transport_session_ptr> get_or_null(state_pointer held, std::string id, call_options call) {
    auto found = co_await get(held, std::move(id), call);
    if (found) co_return std::move(*found);
    detail::report(held->options.log, severity::warning, "get: " + found.error().message());
    co_return nullptr;
  }

  static awaitable<result<bool>> erase(state_pointer held, std::string id, call_options call) {
    if (auto admitted = held->admit(id); !admitted) co_return admitted.error();
    auto const own = held->within(call);
    if (!held->local) co_return co_await held->store->erase(std::move(id), own);
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    for (;;) {
      auto const found = co_await held->local->peek(id, own);
      if (!found) co_return found.error();
      if (!*found) co_return false;
      if (detail::is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
      auto const erased = co_await held->local->erase(id, (*found)->revision, own);
      if (erased && *erased) held->close((*found)->value);
      if (erased || erased.error() != errc::conflict) co_return erased;
      if (detail::is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
    }
  }

  static awaitable<result<std::size_t>> cleanup(state_pointer held, call_options call) {
    if (held->is_stopped) co_return make_error_code(errc::closed);
    call_options const own{call.deadline.value_or(held->options.cleanup_deadline)};
    co_return co_await held->store->erase_expired(own);
  }

  // The storage first, so that a caller who is cancelled meanwhile leaves nothing open; the cleanup finds it closed and ends.
  static awaitable<void> stop(state_pointer held) {
    auto const cancellation = co_await asio::this_coro::cancellation_state;
    held->is_stopped = true;
    held->cleaning.cancel();
    co_await held->store->close();
    if (detail::is_cancelled(cancellation)) co_return;
    co_await held->cleaning.close();
  }
};

result<std::unique_ptr<transport_session_manager>> transport_session_manager::make(executor ex, transport_manager_options options, std::string* why) {
  if (auto checked = check(options, why); !checked) return checked.error();
  local_storage_options local;
  local.ttl = options.ttl.value_or(default_ttl);
  local.is_sweeping = false;  // the manager's own cleanup does it
  local.log = options.log;
  auto store = local_storage<transport_session_ptr>::make(ex, local, why);
  if (!store) return store.error();
  return steps::make(ex, std::move(*store), local.ttl, std::move(options));
}

result<std::unique_ptr<transport_session_manager>> transport_session_manager::make(executor ex, std::string type, transport_manager_options options, std::string* why) {
  if (type.empty()) return refuse(why, "The type", "empty", "give the type of the sessions that add_with_id makes");
  if (options.make_session) return refuse(why, option("make_session"), "given together with a type", "give one of the two");
  options.make_session = [type = std::move(type)](std::string id, wall_time now) { return make_transport_session(std::move(id), type, now); };
  return make(std::move(ex), std::move(options), why);
}

result<std::unique_ptr<transport_session_manager>> transport_session_manager::make(executor ex, storage_pointer store, transport_manager_options options, std::string* why) {
  if (auto checked = check(options, why); !checked) return checked.error();
  if (!store) return refuse(why, "The storage", "null", "give one, or leave it out for memory");
  auto const known = store->ttl();
  if (options.ttl && known && *options.ttl != *known) return refuse(why, option("ttl"), detail::span_text(*options.ttl), "the storage's is " + detail::span_text(*known) + ", leave it empty");
  auto const ttl = known ? *known : options.ttl.value_or(default_ttl);
  return steps::make(ex, std::move(store), ttl, std::move(options));
}

result<std::unique_ptr<transport_session_manager>> transport_session_manager::make(executor ex, std::optional<redis_storage_options> redis,
                                                                                   transport_manager_options options, std::string* why) {
  if (!redis) return make(std::move(ex), std::move(options), why);
  if (auto checked = check(options, why); !checked) return checked.error();
  if (options.ttl) redis->ttl = *options.ttl;
  auto const ttl = redis->ttl;
  auto store = redis_storage<transport_session_ptr>::make(ex, std::move(*redis), why);
  if (!store) return store.error();
  return steps::make(ex, std::move(*store), ttl, std::move(options));
}

transport_session_manager::transport_session_manager(std::shared_ptr<state> made) noexcept : state_(std::move(made)) {}

transport_session_manager::~transport_session_manager() { state_->cleaning.cancel(); }

awaitable<result<transport_session_ptr>> transport_session_manager::add_with_id(std::string id, call_options call) {
  return steps::add_with_id(state_, std::move(id), call);
}

awaitable<result<>> transport_session_manager::add(transport_session_ptr session, call_options call) { return steps::add(state_, std::move(session), call); }

awaitable<result<>> transport_session_manager::upsert(transport_session_ptr session, call_options call) { return steps::upsert(state_, std::move(session), call); }

awaitable<transport_session_ptr> transport_session_manager::get(std::string id, call_options call) { return steps::get_or_null(state_, std::move(id), call); }

awaitable<result<transport_session_ptr>> transport_session_manager::get_with_error(std::string id, call_options call) {
  return steps::get(state_, std::move(id), call);
}

awaitable<result<bool>> transport_session_manager::erase(std::string id, call_options call) { return steps::erase(state_, std::move(id), call); }

awaitable<result<std::size_t>> transport_session_manager::cleanup(call_options call) { return steps::cleanup(state_, call); }

result<std::size_t> transport_session_manager::count() const {
  if (state_->is_stopped) return make_error_code(errc::closed);
  if (!state_->local) return make_error_code(errc::unsupported);
  return state_->local->size();
}

duration transport_session_manager::ttl() const noexcept { return state_->ttl; }

awaitable<void> transport_session_manager::stop() { return steps::stop(state_); }

}  // namespace mooring
