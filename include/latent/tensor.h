// Shapes, element types and tensors in host memory: what crosses the border between a program and a
// plan.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "latent/error.h"

namespace latent {

/// Element types. Arithmetic is float32 (float64 in reference plans); bf16 feeds products, i32
/// indexes, u8 stores data.
enum class DType : uint8_t { f32, f64, bf16, i32, u8 };

LATENT_API size_t size_of(DType t);                ///< Bytes of one element.
LATENT_API const char* name_of(DType t);           ///< "f32", "f64", "bf16", "i32", "u8".
LATENT_API DType dtype_named(std::string_view s);  ///< Inverse of name_of; throws UsageError.

/// Up to six non-negative extents, outermost first (row-major). Rank 0 is a scalar.
class LATENT_API Shape {
 public:
  static constexpr int kMaxRank = 6;
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[static_cast<size_t>(axis)]; }
  int64_t& operator[](int axis) { return dims_[static_cast<size_t>(axis)]; }
  /// Product of the extents; 1 for a scalar. Construction has checked that it does not overflow.
  int64_t elements() const;
  std::span<const int64_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  void push_back(int64_t extent);
  bool operator==(const Shape& o) const = default;
  std::string text() const;  ///< "[32,100]", "[]" for a scalar.

 private:
  std::array<int64_t, kMaxRank> dims_{};  // 0 from rank_ on
  int rank_ = 0;
};

/// A tensor that owns 64-byte aligned host memory, row-major, zero-filled at construction. Moves
/// cheaply, copies by clone().
class LATENT_API Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape, DType dtype = DType::f32);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  Tensor clone() const;
  /// The first bytes of an open file, mapped: they come into memory when they are touched, and what
  /// is written there never reaches the file. SystemError naming `path` when it cannot be mapped.
  static Tensor mapped(int file, const std::string& path, Shape shape, DType dtype);

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t elements() const { return shape_.elements(); }
  size_t bytes() const { return static_cast<size_t>(elements()) * size_of(dtype_); }
  void* raw() { return data_.get(); }
  const void* raw() const { return data_.get(); }
  std::span<std::byte> as_bytes() { return {static_cast<std::byte*>(raw()), bytes()}; }
  std::span<const std::byte> as_bytes() const {
    return {static_cast<const std::byte*>(raw()), bytes()};
  }

  /// The elements as T; throws UsageError when T is not the tensor's type.
  template <class T>
  std::span<T> span() {
    check_type(type_of<T>());
    return {static_cast<T*>(raw()), static_cast<size_t>(elements())};
  }
  template <class T>
  std::span<const T> span() const {
    check_type(type_of<T>());
    return {static_cast<const T*>(raw()), static_cast<size_t>(elements())};
  }

 private:
  template <class T>
  static constexpr DType type_of() {
    if constexpr (std::is_same_v<T, float>)
      return DType::f32;
    else if constexpr (std::is_same_v<T, double>)
      return DType::f64;
    else if constexpr (std::is_same_v<T, int32_t>)
      return DType::i32;
    else if constexpr (std::is_same_v<T, uint16_t>)
      return DType::bf16;
    else {
      static_assert(std::is_same_v<T, uint8_t>,
                    "a tensor holds float, double, int32_t, uint8_t or bf16 as uint16_t");
      return DType::u8;
    }
  }
  void check_type(DType wanted) const;

  struct Free {
    size_t mapped;  // bytes of a mapping; 0, as a unique_ptr makes it: of allocate_bytes()
    void operator()(void* p) const;
  };
  Shape shape_;
  DType dtype_ = DType::f32;
  std::unique_ptr<void, Free> data_;
};

}  // namespace latent
