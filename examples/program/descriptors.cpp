#include "program/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace mooring::program {

std::size_t raise_descriptor_limit(std::size_t wanted) {
  ::rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  auto raised = limit;
  raised.rlim_cur = std::min<::rlim_t>(wanted, limit.rlim_max);  // RLIM_INFINITY is the greatest number
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace mooring::program
