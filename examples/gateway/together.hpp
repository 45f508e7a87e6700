#pragma once

#include <mooring/core/awaitable.hpp>
#include <mooring/core/clock.hpp>
#include <mooring/core/task_scope.hpp>

#include <memory>
#include <vector>

namespace mooring::gateway {

/** @brief Runs several pieces of work at the same time, as tasks of a scope, and waits for all of them.
 *
 *  @param until  Then the wait ends, and what is not done yet goes on in the scope: work keeps what it uses alive and puts its results where both sides
 *                may reach them.
 *  @return Whether all was done. What the scope refused counts as done.
 */
awaitable<bool> run_together(std::shared_ptr<task_scope> scope, std::vector<awaitable<void>> work, time_point until);

}  // namespace mooring::gateway
