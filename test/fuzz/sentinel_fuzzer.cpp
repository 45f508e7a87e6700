// What a Sentinel answers: any texts name a master that can be connected to, or none.

#include "fuzz/fuzzing.hpp"

#include "storage/sentinel_search.hpp"

#include <algorithm>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace mooring;
  auto const text = test::text_of(data, size);
  detail::redis_reply reply;
  reply.what = size == 0 ? detail::redis_reply::kind::nothing : static_cast<detail::redis_reply::kind>(data[0] % 6);
  reply.text = std::string(text);
  for (std::size_t at = 0; at < text.size();) {
    auto const end = std::min(text.find('\n', at), text.size());
    auto& item = reply.items.emplace_back();
    item.what = detail::redis_reply::kind::text;
    item.text = std::string(text.substr(at, end - at));
    at = end + 1;
  }
  auto const answer = detail::master_of_reply(reply, {});
  test::demand(answer.master.has_value() == answer.cause.empty(), "an answer names a master and a cause, or neither");
  test::demand(answer.cause.size() <= 192, "a cause repeats the server's text");
  if (answer.master) {
    test::demand(reply.items.size() == 2 && answer.master->host == reply.items[0].text, "the master is not the one that was named");
    test::demand(std::stoul(answer.master->port) >= 1 && std::stoul(answer.master->port) <= 65535, "a port is no port");
  }
  static_cast<void>(detail::is_master(reply));
  return 0;
}
