#pragma once

#include <mooring/core/error.hpp>
#include <mooring/storage/text_map.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace mooring {

/** @brief What has to be closed when a storage drops it. `close` may throw: the storage goes on with the next. */
class closable {
 public:
  closable() = default;
  closable(closable const&) = default;
  closable& operator=(closable const&) = default;
  virtual ~closable() = default;

  /** @brief Gives back what the value holds. Called once, under no lock; must not block. */
  virtual void close() = 0;
};

/** @brief What a storage has to know about the values it keeps. Specialize it for a type that this definition does not serve.
 *
 *  As it stands it serves:
 *   - maps of texts, and classes derived from one: they keep `text_limits`;
 *   - pointers of any kind: null is refused, and what they point to is treated by its own traits and closed if it is `closable`;
 *   - `closable` values;
 *   - all other values, without a limit.
 *
 *  Members run on the caller's thread, under no lock.
 */
template <class T>
struct value_traits {
  /** @brief Whether the value may be stored.
   *  @param why  Where given, is set to a sentence when the value is refused.
   *  @return Success, `errc::too_large` (over a limit) or `errc::invalid_argument` (null, or text that is not UTF-8).
   */
  static result<> check(T const& value, text_limits const& limits, std::string* why = nullptr) {
    if constexpr (std::derived_from<T, text_map>) {
      return check_text_map(value, limits, why);
    } else if constexpr (is_pointer) {
      if (value == nullptr) {
        if (why) *why = "The value is null; a stored value must be an object.";
        return make_error_code(errc::invalid_argument);
      }
      return value_traits<pointee>::check(*value, limits, why);
    } else {
      return {};
    }
  }

  /** @brief Closes a value that a sweep or the end of the storage dropped. Plain values are left alone, and may be mixed with closable ones behind pointers. */
  static void close(T& value) {
    if constexpr (std::derived_from<T, closable>) {
      value.close();
    } else if constexpr (is_pointer && std::is_polymorphic_v<pointee> && !std::is_const_v<pointee>) {
      if (auto* const found = dynamic_cast<closable*>(std::to_address(value))) found->close();
    }
  }

 private:
  static constexpr bool is_pointer = requires(T const& value) {
    *value;
    value == nullptr;
    std::to_address(value);
  };

  template <class U>
  struct pointee_of {
    using type = void;
  };
  template <class U>
    requires is_pointer
  struct pointee_of<U> {
    using type = std::remove_reference_t<decltype(*std::declval<U const&>())>;
  };
  using pointee = typename pointee_of<T>::type;
};

}  // namespace mooring
