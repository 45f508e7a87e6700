#pragma once

#include <mooring/core/clock.hpp>

#include <chrono>

namespace mooring::test {

/** How a simulated way to a store behaves. */
struct link_options {
  duration queueing = std::chrono::milliseconds(2);  ///< Longest wait before a request is sent.
  duration travel = std::chrono::milliseconds(2);    ///< Longest way of a request to the store.
  duration reply = std::chrono::milliseconds(2);     ///< Longest way of a reply back.
  duration deadline = std::chrono::seconds(5);       ///< Of a call that brings none.
  unsigned faults_permille = 0;                      ///< How many requests in a thousand meet a fault of the seed's choice,
  unsigned only_fault = 0;                           ///< or this one, unless it is zero: counted in the order of the faults, round and round.
};

}  // namespace mooring::test
