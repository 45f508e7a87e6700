#pragma once

#include <string>
#include <vector>

namespace mooring::test {

/** Texts that are not UTF-8: just outside the ends of each range of RFC 3629's table, and cut off. */
inline std::vector<std::string> const& bad_utf8() {
  static std::vector<std::string> const all{"\x80",         "\xbf",     "\xc0\x80",     "\xc1\xbf",         "\xc2",             "\xc2\x7f",     "\xc2\xc0",
                                            "\xe0\x9f\xbf", "\xe0\xa0", "\xe0\xa0\x7f", "\xed\xa0\x80",     "\xed\xbf\xbf",     "\xef\xbf",     "\xf0\x8f\xbf\xbf",
                                            "\xf0\x90\x80", "\xfe",     "\xff",         "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80\xc0"};
  return all;
}

}  // namespace mooring::test
