#pragma once

#include "storage/redis_link.hpp"
#include "storage/redis_reply.hpp"

#include <boost/redis/adapter/any_adapter.hpp>
#include <boost/redis/error.hpp>
#include <boost/redis/request.hpp>
#include <boost/redis/resp3/node.hpp>
#include <boost/system/error_code.hpp>

#include <charconv>
#include <cstddef>
#include <vector>

namespace mooring::detail {

/** Gathers replies. A reply of another shape than expected is no error here: it concerns its own request only. */
struct reply_collector {
  std::vector<redis_reply> replies;
  std::size_t longest_text = static_cast<std::size_t>(-1);  ///< Texts are cut to this many bytes.

  void add(boost::redis::resp3::node_view const& node, boost::system::error_code& ec) {
    using type = boost::redis::resp3::type;
    // No server of ours streams, and the parser below does not count how deep streams are nested.
    if (node.data_type == type::streamed_string || node.data_type == type::streamed_string_part) ec = boost::redis::error::invalid_data_type;
    else if (node.depth == 0) fill(replies.emplace_back(), node);
    else if (node.depth == 1 && !replies.empty() && replies.back().items.size() < most_items) fill(replies.back().items.emplace_back(), node);
  }

  boost::redis::any_adapter adapter() {
    return boost::redis::any_adapter([this](boost::redis::any_adapter::parse_event event, boost::redis::resp3::node_view const& node, boost::system::error_code& ec) {
      if (event == boost::redis::any_adapter::parse_event::node) add(node, ec);
    });
  }

 private:
  static constexpr std::size_t most_items = 64;  // HELLO's reply has some twenty; a list without end takes no memory

  void fill(redis_reply& reply, boost::redis::resp3::node_view const& node) const {
    using type = boost::redis::resp3::type;
    switch (node.data_type) {
      case type::null: reply.what = redis_reply::kind::null; break;
      case type::number: {
        reply.what = redis_reply::kind::number;
        std::from_chars(node.value.data(), node.value.data() + node.value.size(), reply.number);
        break;
      }
      case type::simple_error:
      case type::blob_error:
        reply.what = redis_reply::kind::error;
        reply.text = node.value.substr(0, longest_text);
        break;
      case type::array:
      case type::push:
      case type::set:
      case type::map:
      case type::attribute: reply.what = redis_reply::kind::list; break;
      default:
        reply.what = redis_reply::kind::text;
        reply.text = node.value.substr(0, longest_text);
    }
  }
};

/** Adds a command to what a request asks. */
inline void put(redis_command const& command, boost::redis::request& to) {
  if (command.size() == 1) to.push(command.front());  // of an empty range nothing at all is sent
  else to.push_range(command.front(), command.begin() + 1, command.end());
}

/** A request and what came back. Stays where it is until its operation has ended. */
struct redis_exchange {
  redis_exchange() = default;
  redis_exchange(redis_exchange const&) = delete;
  redis_exchange& operator=(redis_exchange const&) = delete;

  boost::redis::any_adapter adapter() { return collector.adapter(); }

  boost::redis::request request;
  reply_collector collector;
};

}  // namespace mooring::detail
