#pragma once

#include <mooring/core/identifier.hpp>

#include <string>
#include <vector>

namespace mooring::test {

/** Texts that are no ids: empty, too long, and every byte that is not visible ASCII alone and at the ends and in the middle of a good id. */
inline std::vector<std::string> bad_ids() {
  std::vector<std::string> rows{"", std::string(257, 'a'), std::string(10 * 1024, 'a'), std::string(257, ':'), std::string(256, 'a') + '\0'};
  for (int byte = 0; byte < 256; ++byte) {
    if (byte >= 0x21 && byte <= 0x7E) continue;
    std::string const bad(1, static_cast<char>(byte));
    for (auto const& row : {bad, bad + "abc", "a" + bad + "c", "abc" + bad, std::string(255, 'a') + bad}) rows.push_back(row);
  }
  for (auto const* row : {"a\r\nSET b c", "a\r\nX-Header: b", "\xc3\xa4", "../\xe2\x80\xa6", "a b", "a\tb", "%00\x01", "\xef\xbb\xbfid", "\xff\xfe", "\xc0\xaf", "\xe2\x80\xaeid"}) rows.emplace_back(row);
  return rows;
}

/** Ids that are good, though they look like something else: SC05, SC06. */
inline std::vector<std::string> odd_ids() {
  std::vector<std::string> rows{":", "::", "*", "?", "[a]", "..", "../..", "/", "\\", "{", "{}", "{a}", "}{", "a:b", ":a", "a:", "mooring:", "$", "%00", "%s", "\"", "'", "`", "<>", "-", "--", "0", "null", "SET", "EVAL",
                                ";", "|", "&", "~", "!", "#", "@", "^", "(", ")", ",", ".", "=", "+", "_", std::string(256, ':'), std::string(256, '{'), std::string(256, '~'), "..:*{}"};
  return rows;
}

}  // namespace mooring::test
