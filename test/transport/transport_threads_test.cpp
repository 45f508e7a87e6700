#include "transport/printing.hpp"

#include <mooring/session/sse_session.hpp>
#include <mooring/session/transport_codec.hpp>
#include <mooring/session/transport_session_manager.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace mooring;
using namespace std::chrono_literals;

namespace {

constexpr char const* id = "0190f3c2-7c1e-7abc-8def-0123456789ab";

// What the stream does: receives until the connection has ended, and asks again once there is another.
awaitable<std::vector<std::string>> drain(std::shared_ptr<sse_session> session, std::shared_ptr<std::atomic<bool>> is_over) {
  std::vector<std::string> seen;
  for (;;) {
    auto message = co_await session->receive();
    if (message) seen.push_back(std::move(*message));
    else if (*is_over) co_return std::move(seen);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(transport_threads)

// SE10: each message that was accepted on the last connection arrives, in its sender's order, and none twice.
BOOST_AUTO_TEST_CASE(threads_send_and_disconnect_while_one_receives) {
  asio::thread_pool pool(2);
  for (int round = 0; round < 20; ++round) {
    auto const session = std::make_shared<sse_session>(id, wall_time());
    auto const is_over = std::make_shared<std::atomic<bool>>(false);
    auto seen = asio::co_spawn(pool, drain(session, is_over), asio::use_future);
    std::atomic<int> accepted = 0;
    std::vector<std::thread> threads;
    for (int sender = 0; sender < 3; ++sender) {
      threads.emplace_back([&, sender] {
        for (int i = 0; i < 300; ++i) {
          auto const sent = session->send(std::to_string(sender) + ':' + std::to_string(1000 + i));
          if (sent) ++accepted;
          else if (sent.error() != errc::queue_full && sent.error() != errc::disconnected) std::abort();
        }
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) {
        session->disconnect();
        session->disconnect();
        session->connect();
      }
    });
    for (auto& thread : threads) thread.join();
    // The rest is let out: then every accepted message either arrived or was dropped by a disconnect.
    while (session->queued() > 0) std::this_thread::yield();
    *is_over = true;
    session->disconnect();
    auto const messages = seen.get();
    std::set<std::string> const unique(messages.begin(), messages.end());
    BOOST_TEST(unique.size() == messages.size());
    BOOST_TEST(messages.size() <= static_cast<std::size_t>(accepted.load()));
    for (int sender = 0; sender < 3; ++sender) {
      std::string last;
      for (auto const& message : messages) {
        if (message.front() != '0' + sender) continue;
        BOOST_TEST_REQUIRE(message > last);
        last = message;
      }
    }
  }
  pool.join();
}

// SE10: every state that is seen is one that somebody made.
BOOST_AUTO_TEST_CASE(threads_change_and_read_one_session) {
  auto const session = std::make_shared<sse_session>(id, wall_time());
  session->set_metadata(text_map{{"a", "0"}, {"b", "0"}}, wall_time());
  session->set_data(json_text::parse("0").value(), wall_time());
  std::vector<std::thread> threads;
  std::atomic<bool> is_torn = false;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&] {
      for (int i = 1; i < 300; ++i) {
        auto const text = std::to_string(i);
        session->set_metadata(text_map{{"a", text}, {"b", text}}, wall_time(std::chrono::nanoseconds(i)));
        session->set_data(json_text::parse(text).value(), wall_time(std::chrono::nanoseconds(i)));
        session->disconnect();
      }
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        auto const seen = session->metadata();
        auto const again = deserialize(serialize(*session));
        if (seen.at("a") != seen.at("b") || !again || (*again)->metadata("a") != (*again)->metadata("b") || !session->data()) is_torn = true;
        if (session->id() != id || session->type() != "sse" || session->updated_at() < session->created_at()) is_torn = true;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  BOOST_TEST(!is_torn);
}

// SE15: of many that add one id, on threads of a pool, one wins; what is replaced or erased is closed, what is stored is not.
BOOST_AUTO_TEST_CASE(threads_share_a_manager_and_no_stored_session_is_closed) {
  asio::thread_pool pool(4);
  auto const manager = std::shared_ptr(transport_session_manager::make(pool.get_executor(), std::string("sse")).value());
  std::vector<std::future<result<transport_session_ptr>>> adding;
  for (int i = 0; i < 40; ++i) adding.push_back(asio::co_spawn(pool, manager->add_with_id(id), asio::use_future));
  int won = 0;
  for (auto& each : adding) {
    auto const made = each.get();
    if (made) ++won;
    else BOOST_TEST(made.error() == errc::exists);
  }
  BOOST_TEST(won == 1);

  std::vector<std::shared_ptr<sse_session>> all;
  std::vector<std::future<result<>>> upserts;
  std::vector<std::future<result<bool>>> erasing;
  for (int i = 0; i < 300; ++i) {
    all.push_back(std::make_shared<sse_session>(id, wall_time()));
    upserts.push_back(asio::co_spawn(pool, manager->upsert(all.back()), asio::use_future));
    if (i % 7 == 0) erasing.push_back(asio::co_spawn(pool, manager->erase(id), asio::use_future));
  }
  for (auto& each : upserts) BOOST_TEST(each.get().has_value());
  for (auto& each : erasing) BOOST_TEST(each.get().has_value());
  auto const left = asio::co_spawn(pool, manager->get(id), asio::use_future).get();
  std::size_t open = 0;
  for (auto const& each : all) {
    open += each->is_connected();
    BOOST_TEST(each->is_connected() == (each == left));
  }
  BOOST_TEST(open == (left ? 1u : 0u));
  asio::co_spawn(pool, manager->stop(), asio::use_future).get();
  BOOST_TEST((!left || !std::dynamic_pointer_cast<sse_session>(left)->is_connected()));
  pool.join();
}

BOOST_AUTO_TEST_SUITE_END()
