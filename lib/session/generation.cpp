#include "session/generation.hpp"

#include "session/cancellation.hpp"
#include "session/operation.hpp"
#include "session/records.hpp"

#include <mooring/session/session_id.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace mooring::detail {
namespace {

awaitable<result<minted>> mint_once(state_ptr state, duration deadline) {
  auto id = mint_session_id(entropy_of(state->ex));
  if (!id) co_return id.error();
  auto const written = co_await create_placeholder(state, *id, deadline);
  if (written.is_written()) co_return minted(std::move(*id), **written);
  if (written.has_value()) co_return make_error_code(errc::server_error);  // `create` answers absent: a storage that breaks its contract
  // Given up for good, whatever becomes of the write: it is erased if it is there, and expires if it comes later.
  if (written.error() == errc::ambiguous) co_await take_back(state, std::move(*id), revision(), written.attempted(), deadline);
  co_return written.error();
}

awaitable<void> generating(engine_ptr self, answer<std::string> caller, call_options call, [[maybe_unused]] outstanding::token counted) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto const state = self->state;
  auto const deadline = step_deadline(call, state->options.deadlines.generate);
  auto made = co_await mint(state, deadline);
  result<std::string> told(make_error_code(errc::unavailable));
  if (made) told = made->id;
  else told = state->refuse("generate", made.error());
  bool const is_taken = caller.deliver(told);
  if (!is_taken && made) co_await take_back(state, std::move(made->id), made->placeholder, revision(), deadline);
}

}  // namespace

awaitable<result<minted>> mint(state_ptr state, duration deadline) {
  auto first = co_await mint_once(state, deadline);
  if (first || first.error() == errc::closed) co_return std::move(first);
  co_return co_await mint_once(std::move(state), deadline);
}

awaitable<result<minted>> find_placeholder(state_ptr state, std::string id, principal who, duration deadline) {
  if (state->is_gone(id, who)) co_return make_error_code(errc::not_found);
  auto read = co_await peek_record(state, id, deadline);
  if (!read) co_return read.error();
  if (!*read) co_return make_error_code(errc::not_found);
  auto const is = state_of((*read)->value);
  if (!is) co_return is.error();
  if (*is == record_state::placeholder) co_return minted(std::move(id), (*read)->revision);
  if (!state->options.hide_owner_mismatch) co_return make_error_code(errc::exists);
  auto const found = verify_record(*state, std::move(**read), who);
  co_return make_error_code(found ? errc::exists : errc::not_found);
}

awaitable<result<std::string>> generate(engine_ptr self, call_options call) {
  if (auto admitted = self->admit("generate", call); !admitted) co_return admitted.error();
  auto const cancellation = co_await asio::this_coro::cancellation_state;
  if (is_cancelled(cancellation)) co_return make_error_code(errc::cancelled);
  auto const work = std::make_shared<operation<std::string>>();
  answer<std::string> caller(work);
  outstanding::token counted(self->state->working);
  self->state->work.spawn(generating(self, std::move(caller), call, std::move(counted)));
  co_return co_await operation<std::string>::join(work);
}

}  // namespace mooring::detail
