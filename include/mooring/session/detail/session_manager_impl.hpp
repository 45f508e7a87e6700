#pragma once

#include <mooring/session/session_manager.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <string_view>

namespace mooring {

template <class Session>
class session_manager<Session>::adapter final : public detail::erased_factory {
 public:
  explicit adapter(std::shared_ptr<session_factory<Session>> factory) noexcept : factory_(std::move(factory)) {}

  awaitable<result<opened<void>>> open(session_request request) override {
    auto made = co_await factory_->open(std::move(request));
    if (!made) co_return made.error();
    co_return opened<void>(std::move(made->session), std::move(made->hints), std::move(made->data), made->is_partial);
  }

  awaitable<void> close(std::string id, std::shared_ptr<void> session, disposal_reason reason) override {
    return factory_->close(std::move(id), std::static_pointer_cast<Session>(std::move(session)), reason);
  }

 private:
  std::shared_ptr<session_factory<Session>> const factory_;
};

template <class Session>
result<std::unique_ptr<session_manager<Session>>> session_manager<Session>::make(executor ex, std::shared_ptr<storage<metadata>> store,
                                                                                std::shared_ptr<session_factory<Session>> factory, manager_options options,
                                                                                std::string* why) {
  auto erased = factory ? std::make_shared<adapter>(std::move(factory)) : nullptr;
  auto made = detail::make_engine(std::move(ex), std::move(store), std::move(erased), std::move(options), why);
  if (!made) return made.error();
  return std::unique_ptr<session_manager>(new session_manager(std::move(*made)));
}

template <class Session>
awaitable<result<session_lease<Session>>> session_manager<Session>::get(detail::engine_ptr engine, std::string id, principal who, call_options call) {
  if (auto known = detail::get_at_once(*engine, id, who, call)) {
    if (!*known) co_return known->error();
    co_return session_lease<Session>(std::move(**known));
  }
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  auto found = co_await detail::get(std::move(engine), std::move(id), std::move(who), call);
  if (!found) co_return found.error();
  co_return session_lease<Session>(std::move(*found));
}

template <class Session>
awaitable<result<session_lease<Session>>> session_manager<Session>::decorate(std::string id, principal who, decorator<Session> decorate, call_options call) {
  bool const is_given = static_cast<bool>(decorate);
  auto erased = [decorate = std::move(decorate)](std::string const& own_id, std::shared_ptr<void> current, metadata data) -> result<detail::erased_decoration> {
    auto made = decorate(std::static_pointer_cast<Session>(std::move(current)), std::move(data));
    if (!made) return made.error();
    if constexpr (requires(Session const& session) {
                    { session.id() } -> std::convertible_to<std::string_view>;
                  }) {
      if (made->session && std::string_view(made->session->id()) != own_id) return make_error_code(errc::invalid_argument);
    }
    return detail::erased_decoration(std::move(made->session), std::move(made->data));
  };
  // An empty function stays empty: it is refused, not called.
  auto passed = is_given ? detail::erased_decorator(std::move(erased)) : detail::erased_decorator();
  return typed(detail::decorate(engine_, std::move(id), std::move(who), std::move(passed), call));
}

template <class Session>
awaitable<result<session_lease<Session>>> session_manager<Session>::typed(awaitable<result<detail::held_session>> work) {
  // Cancelled already: the await would throw.
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  auto held = co_await std::move(work);
  if (!held) co_return held.error();
  co_return session_lease<Session>(std::move(*held));
}

template <class Session>
awaitable<result<opened_session<Session>>> session_manager<Session>::typed(awaitable<result<detail::opened_held>> work) {
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) co_return make_error_code(errc::cancelled);
  auto made = co_await std::move(work);
  if (!made) co_return made.error();
  co_return opened_session<Session>(std::move(made->id), session_lease<Session>(std::move(made->held)));
}

}  // namespace mooring
