#pragma once

#include "session/engine.hpp"

namespace mooring::detail {

/** An id whose placeholder is in the storage. */
struct minted {
  minted() = default;
  minted(std::string i, revision r) : id(std::move(i)), placeholder(r) {}
  std::string id;
  revision placeholder;
};

/** A fresh id: once more with another where the first attempt fails. */
awaitable<result<minted>> mint(state_ptr state, duration deadline);

/** The placeholder that `id` was given; `exists` where a session has taken it, which is hidden from who is not its owner where that is wanted. */
awaitable<result<minted>> find_placeholder(state_ptr state, std::string id, principal who, duration deadline);

}  // namespace mooring::detail
