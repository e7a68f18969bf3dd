// Shape arithmetic and host tensors; see latent/tensor.h.
#include "latent/tensor.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "base/memory.h"

namespace latent {

namespace {
struct TypeInfo {
  size_t size;
  const char* name;
};
constexpr TypeInfo kTypes[] = {{4, "f32"}, {8, "f64"}, {2, "bf16"}, {4, "i32"}, {1, "u8"}};
}  // namespace

size_t size_of(DType t) { return kTypes[static_cast<size_t>(t)].size; }
const char* name_of(DType t) { return kTypes[static_cast<size_t>(t)].name; }

DType dtype_named(std::string_view s) {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (s == kTypes[i].name) return static_cast<DType>(i);
  }
  throw UsageError("unknown element type \"" + std::string(s) +
                   "\"; use f32, f64, bf16, i32 or u8");
}

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) {
  for (int64_t d : dims) push_back(d);
}

void Shape::push_back(int64_t extent) {
  if (rank_ == kMaxRank) throw UsageError("a shape has at most 6 axes");
  if (extent < 0) throw UsageError("a shape has no negative extent: " + std::to_string(extent));
  // Bounded so that bytes of the widest type never overflow either.
  if (extent > 0 && elements() > std::numeric_limits<int64_t>::max() / 16 / extent) {
    throw UsageError("a shape of more than 2^59 elements: " + text() + " x " +
                     std::to_string(extent));
  }
  dims_[static_cast<size_t>(rank_++)] = extent;
}

int64_t Shape::elements() const {
  int64_t n = 1;
  for (int64_t d : *this) n *= d;
  return n;
}

std::string Shape::text() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) s += (i ? "," : "") + std::to_string((*this)[i]);
  return s + "]";
}

void Tensor::Free::operator()(void* p) const {
  mapped > 0 ? static_cast<void>(::munmap(p, mapped)) : AlignedFree()(p);
}

Tensor::Tensor(Shape shape, DType dtype)
    : shape_(shape), dtype_(dtype), data_(allocate_bytes(bytes()).release()) {}

Tensor Tensor::mapped(int file, const std::string& path, Shape shape, DType dtype) {
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  void* p = ::mmap(nullptr, t.bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (p == MAP_FAILED) throw SystemError("cannot map it into memory", path, errno);
  t.data_ = std::unique_ptr<void, Free>(p, Free{t.bytes()});
  return t;
}

Tensor Tensor::clone() const {
  if (!data_) return {};
  Tensor t(shape_, dtype_);
  std::memcpy(t.raw(), raw(), bytes());
  return t;
}

void Tensor::check_type(DType wanted) const {
  if (wanted != dtype_) {
    throw UsageError(std::string("a tensor of ") + name_of(dtype_) + " was read as " +
                     name_of(wanted));
  }
}

}  // namespace latent
