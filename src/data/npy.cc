// Reader and writer of NPY files; see npy.h. The header is a Python dictionary literal; the parser
// below takes the subset that NumPy writes and nothing that would need evaluation.
#include "data/npy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "data/elements.h"

namespace latent {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMostHeader = 1 << 16;  // bytes; NumPy itself reads 10,000

struct Header {
  ElementFormat format;
  bool fortran = false;
  std::vector<uint64_t> dims;
};

// Parses {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } with keys in any order, each
// once.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& path, int64_t offset)
      : text_(text), path_(path), offset_(offset) {}

  Header parse() {
    Header header;
    bool seen[3] = {};
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      const std::string_view* known = std::ranges::find(kKeys, key);
      if (known == kKeys.end()) fail("an unknown entry \"" + std::string(key) + "\"");
      const auto which = static_cast<size_t>(known - kKeys.begin());
      if (std::exchange(seen[which], true))
        fail("the entry \"" + std::string(key) + "\" comes twice");
      expect(':');
      if (which == 0) header.format = format();
      if (which == 1) header.fortran = boolean();
      if (which == 2) header.dims = tuple();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("something after the closing brace");
    if (!std::ranges::all_of(seen, [](bool s) { return s; }))
      fail("it lacks descr, fortran_order or shape");
    return header;
  }

 private:
  static constexpr std::array<std::string_view, 3> kKeys = {"descr", "fortran_order", "shape"};

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError("cannot read the NPY header: " + what, path_,
                    offset_ + static_cast<int64_t>(at_));
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("'") + c + "' expected");
  }
  std::string_view string() {
    skip_space();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) {
      fail("a quoted string expected (arrays of records are not read)");
    }
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == text_.npos) fail("a string without an end");
    const std::string_view s = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return s;
  }
  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("True or False expected");
  }
  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> dims;
    expect('(');
    while (!take(')')) {
      if (dims.size() == Shape::kMaxRank) fail("more than 6 axes");
      dims.push_back(number());
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return dims;
  }
  uint64_t number() {
    skip_space();
    const size_t start = at_;
    uint64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (at_ - start == 18) fail("an extent that no memory holds");
      value = value * 10 + static_cast<uint64_t>(text_[at_] - '0');
    }
    if (at_ == start) fail("a whole number expected");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return value;
  }
  ElementFormat format() {
    using Kind = ElementFormat::Kind;
    const std::string_view s = string();
    if (s.find('O') != s.npos) {
      fail("an array of Python objects; they are pickled, which can run code, and are never read");
    }
    if (s.size() == 3 && (s[0] == '<' || s[0] == '>' || s[0] == '|')) {
      const bool big = s[0] == '>';
      const int size = s[2] - '0';
      const bool ordered = s[0] != '|';
      if (s.substr(1) == "b1") return {Kind::kUnsigned, 1, false};
      if (s[1] == 'f' && ordered && (size == 4 || size == 8)) return {Kind::kFloat, size, big};
      if ((s[1] == 'u' || s[1] == 'i') &&
          (size == 1 || (ordered && (size == 2 || size == 4 || size == 8)))) {
        return {s[1] == 'u' ? Kind::kUnsigned : Kind::kSigned, size, big};
      }
    }
    fail("elements of type \"" + std::string(s) +
         "\"; bool, integers, float32 and float64 can be read: use .astype()");
  }

  std::string_view text_;
  const std::string& path_;
  int64_t offset_;
  size_t at_ = 0;
};

// `reversed` holds the array with its axes in reverse order, row-major, which is what Fortran order
// is.
Tensor transposed(const Tensor& reversed, const Shape& shape) {
  Tensor out(shape, reversed.dtype());
  const size_t size = size_of(out.dtype());
  const int rank = shape.rank();
  std::array<size_t, Shape::kMaxRank>
      stride{};  // bytes in `reversed` between neighbours along each axis of `shape`
  size_t step = size;
  for (int axis = 0; axis < rank; ++axis) {
    stride[static_cast<size_t>(axis)] = step;
    step *= static_cast<size_t>(shape[axis]);
  }
  std::array<int64_t, Shape::kMaxRank> index{};
  const std::byte* src = reversed.as_bytes().data();
  size_t from = 0;
  for (size_t to = 0; to < out.bytes(); to += size) {
    std::memcpy(out.as_bytes().data() + to, src + from, size);
    for (int axis = rank; axis-- > 0;) {
      const auto a = static_cast<size_t>(axis);
      from += stride[a];
      if (++index[a] < shape[axis]) break;
      from -= stride[a] * static_cast<size_t>(shape[axis]);
      index[a] = 0;
    }
  }
  return out;
}

}  // namespace

bool is_npy(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() &&
         std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& path) {
  if (!is_npy(bytes)) throw DataError("not an NPY file: it must start with \\x93NUMPY", path, 0);
  const auto number = [&](size_t at, size_t size) {
    size_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<size_t>(bytes[at + i]);
    return value;
  };
  if (bytes.size() < 8)
    throw DataError("the NPY file ends within its header", path,
                    static_cast<int64_t>(bytes.size()));
  const size_t version = number(6, 1);
  if (version < 1 || version > 3) {
    throw DataError("NPY version " + std::to_string(version) + "; versions 1 to 3 can be read",
                    path, 6);
  }
  const size_t length_size = version == 1 ? 2 : 4;
  const size_t start = 8 + length_size;
  if (bytes.size() < start)
    throw DataError("the NPY file ends within its header", path,
                    static_cast<int64_t>(bytes.size()));
  const size_t length = number(8, length_size);
  if (length > kMostHeader || length > bytes.size() - start) {
    throw DataError("the NPY header has a length of " + std::to_string(length) +
                        " bytes; it must lie in the file and be at most " +
                        std::to_string(kMostHeader),
                    path, 8);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  const Header header = HeaderParser(text, path, static_cast<int64_t>(start)).parse();
  const auto body = bytes.subspan(start + length);
  const auto offset = static_cast<int64_t>(start + length);
  const Shape shape = checked_shape(header.dims, static_cast<size_t>(header.format.size),
                                    body.size(), path, offset);
  if (!header.fortran || shape.rank() < 2)
    return decode_elements(body, shape, header.format, path, offset);
  Shape reversed;
  for (int axis = shape.rank(); axis-- > 0;) reversed.push_back(shape[axis]);
  return transposed(decode_elements(body, reversed, header.format, path, offset), shape);
}

Tensor read_npy(const std::string& path) {
  return parse_npy(bytes_of(read_gzip_or_plain(path)), path);
}

void write_npy(const std::string& path, const Tensor& tensor) {
  if (tensor.dtype() == DType::bf16) {
    Tensor wide(tensor.shape());
    const auto narrow = tensor.span<uint16_t>();
    const auto words = wide.as_bytes();
    for (size_t i = 0; i < narrow.size(); ++i) std::memcpy(words.data() + 4 * i + 2, &narrow[i], 2);
    return write_npy(path, wide);
  }
  const char* descr = tensor.dtype() == DType::f32   ? "<f4"
                      : tensor.dtype() == DType::f64 ? "<f8"
                      : tensor.dtype() == DType::i32 ? "<i4"
                                                     : "|u1";
  std::string header = std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (";
  for (const int64_t d : tensor.shape()) header += std::to_string(d) + ", ";
  // "()", "(3,)", "(3, 4)", as NumPy writes them.
  if (tensor.shape().rank() > 0) header.pop_back();
  if (tensor.shape().rank() > 1) header.pop_back();
  header += "), }";
  constexpr size_t kStart = 10;
  header.resize((kStart + header.size() + 1 + 63) / 64 * 64 - kStart - 1,
                ' ');  // elements start at a multiple of 64
  header += '\n';
  const std::string start = std::string(kMagic) + '\1' + '\0' +
                            static_cast<char>(header.size() & 255) +
                            static_cast<char>(header.size() >> 8);
  const std::span<const std::byte> pieces[] = {bytes_of(start), bytes_of(header),
                                               tensor.as_bytes()};
  write_file_atomic(path, pieces);
}

}  // namespace latent
