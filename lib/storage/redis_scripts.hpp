#pragma once

#include <string>
#include <string_view>

namespace mooring::detail {

/** A script that the server runs as one step on one key. Its first argument is the id, its reply a list that begins with a word. */
class redis_script {
 public:
  explicit redis_script(std::string_view body);

  std::string const& text() const noexcept { return text_; }
  /** SHA-1 of the text, 40 hexadecimal digits: what EVALSHA wants. */
  std::string const& digest() const noexcept { return digest_; }

 private:
  std::string text_;
  std::string digest_;
};

/** All of them take, as their last argument, how many bytes a record may have; a longer one is `corrupt`, or `large` where it would be written. They reply `absent`
 *  where nothing lives under the key, `corrupt` or `version` where what lives there is no record that they may touch. */
struct redis_scripts {
  /** id, ttl, lifetime, own ttl or "", "fixed" or "", record. `ok`, `exists`, `large`. */
  redis_script create;
  /** id, ttl, lifetime, record. `ok`, `large`. */
  redis_script store;
  /** id, ttl, lifetime, expected or "", new revision, member, value. `ok`, `conflict`, `large`; `corrupt` where the record's value is not in that member. */
  redis_script update;
  /** id, ttl, lifetime, hints. `ok`, `large`. */
  redis_script update_hints;
  /** id, ttl, lifetime. `ok`. */
  redis_script touch;
  /** id, ttl, lifetime, "slide" or "", without which nothing is written. `ok` and the record. */
  redis_script read;
  /** id, expected. `ok`, `conflict`. */
  redis_script erase;

  static redis_scripts const& all();
};

}  // namespace mooring::detail
