#include <mooring/storage/redis_url.hpp>

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace mooring {
namespace {

bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7F; }

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

int hexadecimal(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<int> number(std::string_view digits, int largest) noexcept {
  int value = 0;
  auto const [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || rest != digits.data() + digits.size() || value < 0 || digits.front() == '-' || value > largest) return std::nullopt;
  return value;
}

bool is_ipv6(std::string const& text) noexcept {
  in6_addr parsed{};
  return ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

// Reads a URL from left to right. A member says false once something is refused; `why` says what then.
class reader {
 public:
  reader(std::string_view url, std::string& why) : rest_(url), why_(why) {}

  bool read(redis_storage_options& into) {
    if (!std::ranges::all_of(rest_, is_visible)) return refuse("text", "holds a space, a control byte or a byte beyond ASCII; percent-encode it");
    if (rest_.find('#') != std::string_view::npos) return refuse("fragment", "has no meaning; a '#' elsewhere is written %23");
    auto const end = rest_.find("://");
    if (end == std::string_view::npos) return refuse("scheme", "is missing; begin with redis://, rediss://, redis+sentinel://, rediss+sentinel:// or unix://");
    auto const scheme = lower(rest_.substr(0, end));
    rest_.remove_prefix(end + 3);
    if (scheme == "unix") return read_socket(into);
    bool const is_sentinel = scheme == "redis+sentinel" || scheme == "rediss+sentinel";
    if (!is_sentinel && scheme != "redis" && scheme != "rediss") return refuse("scheme", "is none of redis, rediss, redis+sentinel, rediss+sentinel and unix");
    if (scheme.starts_with("rediss")) into.tls.emplace();
    if (rest_.find('?') != std::string_view::npos) return refuse("query", "has no meaning with this scheme; a '?' elsewhere is written %3F");
    return is_sentinel ? read_sentinels(into) : read_server(into);
  }

 private:
  bool refuse(std::string const& part, std::string const& rule) {
    why_ = "The URL's " + part + " " + rule + ".";
    return false;
  }

  bool read_server(redis_storage_options& into) {
    auto authority = take(rest_, '/');
    if (!read_login(authority, into)) return false;
    if (!read_address(authority, "6379", "", into.address.emplace())) return false;
    return read_database(rest_, into);
  }

  bool read_sentinels(redis_storage_options& into) {
    auto authority = take(rest_, '/');
    if (!read_login(authority, into)) return false;
    auto& sentinel = into.sentinel.emplace();
    if (into.tls) sentinel.tls.emplace();
    for (bool is_last = false; !is_last;) {
      is_last = authority.find(',') == std::string_view::npos;
      auto const of_which = " of Sentinel " + std::to_string(sentinel.addresses.size() + 1);
      if (!read_address(take(authority, ','), "26379", of_which, sentinel.addresses.emplace_back())) return false;
    }
    auto const name = take(rest_, '/');
    if (name.empty()) return refuse("master name", "is missing; it stands behind the Sentinels, as in redis+sentinel://host/master");
    if (!decode(name, "master name", sentinel.master_name)) return false;
    if (!std::ranges::all_of(sentinel.master_name, is_visible)) return refuse("master name", "holds more than visible ASCII");
    return read_database(rest_, into);
  }

  bool read_socket(redis_storage_options& into) {
    auto const slash = rest_.find('/');
    if (slash == std::string_view::npos) return refuse("path", "is missing; it begins with '/'");
    auto authority = rest_.substr(0, slash);
    rest_.remove_prefix(slash);
    if (!read_login(authority, into)) return false;
    if (!authority.empty()) return refuse("host", "has no meaning with a socket; a path begins with '/'");
    bool const has_query = rest_.find('?') != std::string_view::npos;
    if (!decode(take(rest_, '?'), "path", into.unix_socket)) return false;
    if (into.unix_socket.back() == '/') return refuse("path", "names a folder");
    if (!has_query) return true;
    if (!rest_.starts_with("db=")) return refuse("query", "is not db= and a number");
    rest_.remove_prefix(3);
    if (rest_.empty()) return refuse("database", "is missing behind db=");
    return read_database(rest_, into);
  }

  // Takes the login off the front of an authority.
  bool read_login(std::string_view& authority, redis_login& into) {
    auto const at = authority.rfind('@');
    if (at == std::string_view::npos) return true;
    auto login = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (login.find('@') != std::string_view::npos) return refuse("login", "holds an '@'; it is written %40");
    bool const has_password = login.find(':') != std::string_view::npos;
    auto const user = take(login, ':');
    if (login.find(':') != std::string_view::npos) return refuse("password", "holds a ':'; it is written %3A");
    if (user.empty() && login.empty()) return refuse("login", "is empty; leave out its '@'");
    if (has_password && login.empty()) return refuse("password", "is empty; leave out its ':'");
    if (!decode(user, "user", into.username)) return false;
    std::string password;
    bool const is_good = decode(login, "password", password);
    into.password = password;
    OPENSSL_cleanse(password.data(), password.size());
    return is_good;
  }

  bool read_address(std::string_view text, char const* port, std::string const& of_which, redis_address& into) {
    into.port = port;
    bool const in_brackets = text.starts_with('[');
    if (in_brackets) {
      auto const end = text.find(']');
      if (end == std::string_view::npos) return refuse("host" + of_which, "has a '[' without its ']'");
      into.host = text.substr(1, end - 1);
      if (!is_ipv6(into.host)) return refuse("host" + of_which, "is no IPv6 address, though in brackets");
      text.remove_prefix(end + 1);
      if (!text.empty() && text.front() != ':') return refuse("port" + of_which, "is not set apart by ':'");
    } else {
      into.host = text.substr(0, text.find(':'));
      text.remove_prefix(into.host.size());
      if (into.host.empty()) return refuse("host" + of_which, "is missing");
      if (into.host.size() > 253) return refuse("host" + of_which, "is longer than 253 bytes");
      if (!std::ranges::all_of(into.host, is_of_name)) return refuse("host" + of_which, "holds more than letters, digits, '.', '-' and '_'");
    }
    if (text.empty()) return true;
    text.remove_prefix(1);
    if (text.find(':') != std::string_view::npos) return refuse("host" + of_which, "holds more than one ':'; an IPv6 address stands in brackets");
    auto const value = text.empty() ? std::nullopt : number(text, 65535);
    if (!value || *value == 0) return refuse("port" + of_which, "is no number from 1 to 65535");
    into.port = std::to_string(*value);
    return true;
  }

  bool read_database(std::string_view text, redis_storage_options& into) {
    if (text.empty()) return true;
    auto const value = number(text, std::numeric_limits<int>::max());
    if (!value) return refuse("database", "is no number from 0 to " + std::to_string(std::numeric_limits<int>::max()));
    into.database = *value;
    return true;
  }

  bool decode(std::string_view text, char const* part, std::string& into) {
    into.reserve(text.size());  // so that no shorter copy of a password is left behind
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '%') {
        bool const has_digits = i + 2 < text.size();
        int const high = has_digits ? hexadecimal(text[i + 1]) : -1;
        int const low = has_digits ? hexadecimal(text[i + 2]) : -1;
        if (high < 0 || low < 0) return refuse(part, "has a '%' without two hexadecimal digits behind it");
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
      if (c == '\0') return refuse(part, "holds a NUL");
      into += c;
    }
    return true;
  }

  static std::string_view take(std::string_view& from, char until) {
    auto const end = std::min(from.find(until), from.size());
    auto const taken = from.substr(0, end);
    from.remove_prefix(std::min(end + 1, from.size()));
    return taken;
  }

  static bool is_of_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'; }

  std::string_view rest_;
  std::string& why_;
};

}  // namespace

result<redis_storage_options> redis_options_from_url(std::string_view url, std::string* why) {
  redis_storage_options made;
  std::string unheard;
  if (!reader(url, why ? *why : unheard).read(made)) return make_error_code(errc::invalid_argument);
  return made;
}

}  // namespace mooring
