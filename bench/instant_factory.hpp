#pragma once

#include <mooring/session/session_factory.hpp>

#include <memory>
#include <string>

namespace mooring::bench {

struct empty_session {};

/** Opens and closes sessions that hold nothing, at once. */
class instant_factory final : public session_factory<empty_session> {
 public:
  awaitable<result<opened<empty_session>>> open(session_request) override { co_return opened<empty_session>(std::make_shared<empty_session>()); }
  awaitable<void> close(std::string, std::shared_ptr<empty_session>, disposal_reason) override { co_return; }
};

}  // namespace mooring::bench
