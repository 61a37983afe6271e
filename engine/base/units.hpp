// Strong types for the quantities of the project: mixing them does not compile.
// Values are SI: seconds, bytes, bytes/s, floating-point operations, FLOP/s.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace rehearse {

/// A double with a unit. Same-unit sums, scaling by numbers, and a ratio of two is a plain number.
template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  /// The bare number, in the SI unit that the type names.
  [[nodiscard]] constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity o) {
    value_ += o.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    value_ -= o.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double f) {
    value_ *= f;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
  friend constexpr Quantity operator*(Quantity a, double f) { return Quantity(a.value_ * f); }
  friend constexpr Quantity operator*(double f, Quantity a) { return Quantity(a.value_ * f); }
  friend constexpr Quantity operator/(Quantity a, double f) { return Quantity(a.value_ / f); }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  double value_ = 0.0;
};

using Seconds = Quantity<struct SecondsTag>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using Flops = Quantity<struct FlopsTag>;                    ///< a count of floating-point operations
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag>;  ///< a rate

/// A whole number of bytes.
class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr explicit Bytes(std::int64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::int64_t value() const { return value_; }

  constexpr Bytes& operator+=(Bytes o) {
    value_ += o.value_;
    return *this;
  }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes(a.value_ + b.value_); }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes(a.value_ - b.value_); }
  friend constexpr Bytes operator*(Bytes a, std::int64_t n) { return Bytes(a.value_ * n); }
  friend constexpr Bytes operator/(Bytes a, std::int64_t n) { return Bytes(a.value_ / n); }
  friend constexpr auto operator<=>(Bytes, Bytes) = default;

 private:
  std::int64_t value_ = 0;
};

constexpr Seconds operator/(Bytes b, BytesPerSecond r) { return Seconds(static_cast<double>(b.value()) / r.value()); }
constexpr Seconds operator/(Flops f, FlopsPerSecond r) { return Seconds(f.value() / r.value()); }
constexpr FlopsPerSecond operator/(Flops f, Seconds s) { return FlopsPerSecond(f.value() / s.value()); }
constexpr BytesPerSecond operator/(Bytes b, Seconds s) {
  return BytesPerSecond(static_cast<double>(b.value()) / s.value());
}

// Indices that do not mix. `index(id)` gives the position in the array that the id points into.
enum class Rank : std::uint32_t {};    ///< a GPU of the job
enum class LinkId : std::uint32_t {};  ///< a directed link of a Network
enum class PathId : std::uint32_t {};  ///< an interned route of a Network
enum class OpId : std::uint32_t {};    ///< an op of a Schedule
enum class LaneId : std::uint32_t {};  ///< a serial resource of a Schedule
enum class NameId : std::uint32_t {};  ///< an interned string

template <class Id>
requires std::is_enum_v<Id>
constexpr std::size_t index(Id id) { return static_cast<std::size_t>(id); }

}  // namespace rehearse
