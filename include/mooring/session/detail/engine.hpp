#pragma once

#include <mooring/cache/disposal_reason.hpp>
#include <mooring/core/awaitable.hpp>
#include <mooring/core/call_options.hpp>
#include <mooring/core/error.hpp>
#include <mooring/session/detail/held_session.hpp>
#include <mooring/session/manager_answers.hpp>
#include <mooring/session/manager_options.hpp>
#include <mooring/session/manager_stats.hpp>
#include <mooring/session/metadata.hpp>
#include <mooring/session/principal.hpp>
#include <mooring/session/session_factory.hpp>
#include <mooring/storage/storage.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// The session manager without its session type: compiled once, behind session_manager<Session>.
namespace mooring::detail {

/** A factory whose sessions have no type. */
class erased_factory {
 public:
  virtual ~erased_factory() = default;
  virtual awaitable<result<opened<void>>> open(session_request request) = 0;
  virtual awaitable<void> close(std::string id, std::shared_ptr<void> session, disposal_reason reason) = 0;
};

struct erased_decoration {
  erased_decoration() = default;
  erased_decoration(std::shared_ptr<void> s, metadata d) : session(std::move(s)), data(std::move(d)) {}
  std::shared_ptr<void> session;
  metadata data;
};
using erased_decorator = std::function<result<erased_decoration>(std::string const& id, std::shared_ptr<void>, metadata)>;

struct opened_held {
  opened_held() = default;
  opened_held(std::string i, held_session h) noexcept : id(std::move(i)), held(std::move(h)) {}
  std::string id;
  held_session held;
};

class engine;
using engine_ptr = std::shared_ptr<engine>;

result<engine_ptr> make_engine(executor ex, std::shared_ptr<storage<metadata>> store, std::shared_ptr<erased_factory> factory, manager_options options,
                               std::string* why);

/** The answer of a `get` that needs neither to wait nor to suspend; nothing where `get` has to. */
std::optional<result<held_session>> get_at_once(engine& self, std::string_view id, principal const& who, call_options call);

awaitable<result<std::string>> generate(engine_ptr self, call_options call);
awaitable<result<held_session>> create(engine_ptr self, std::string id, principal owner, open_parameters parameters, call_options call);
awaitable<result<opened_held>> open(engine_ptr self, principal owner, open_parameters parameters, call_options call);
awaitable<result<validity>> validate(engine_ptr self, std::string id, principal who, call_options call);
awaitable<result<held_session>> get(engine_ptr self, std::string id, principal who, call_options call);
awaitable<result<held_session>> decorate(engine_ptr self, std::string id, principal who, erased_decorator decorate, call_options call);
awaitable<result<termination>> terminate(engine_ptr self, std::string id, principal who, call_options call);
awaitable<result<>> notify_backend_expired(engine_ptr self, std::string id, principal who, std::string backend, call_options call);
awaitable<void> shutdown(engine_ptr self, call_options call);
manager_stats stats(engine const& self);

/** Cancels what runs and returns: for a manager that is destroyed without a shutdown. */
void abandon(engine& self) noexcept;

}  // namespace mooring::detail
