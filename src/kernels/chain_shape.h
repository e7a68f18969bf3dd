// The text of a chain (FusedProgram::text) read at compile time, so that named.cc can turn a
// pattern into code: a named kernel is the same steps as the text, held in registers, and cannot
// differ from what it is found by.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "kernels/fused.h"

namespace latent::kernels {

/// A string as a template argument.
template <size_t kSize>
struct ChainText {
  char characters[kSize];
  constexpr ChainText(const char (&s)[kSize]) {  // NOLINT(google-explicit-constructor)
    for (size_t i = 0; i < kSize; ++i) characters[i] = s[i];
  }
  constexpr std::string_view view() const { return {characters, kSize - 1}; }
};

/// What the text says. Values are numbered as in FusedProgram.
struct ChainShape {
  static constexpr int kMost = 48;
  int inputs = 0, constants = 0, steps = 0, outputs = 0;
  Access access[kMost] = {};
  std::string_view op[kMost];
  int src[kMost][3] = {};  // -1 where unused
  End end[kMost] = {};
  int value[kMost] = {};

  constexpr int first_step() const { return inputs + constants; }
  constexpr int values() const { return inputs + constants + steps; }
  constexpr bool has(Access a) const { return std::count(access, access + inputs, a) > 0; }
  constexpr bool has(End e) const { return std::count(end, end + outputs, e) > 0; }
};

constexpr ChainShape parse_chain(std::string_view text) {
  ChainShape s;
  size_t i = 0;
  const auto number = [&] {
    int n = 0;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') n = 10 * n + (text[i++] - '0');
    return n;
  };
  for (; text[i] != ':'; ++i)
    s.access[s.inputs++] = static_cast<Access>(std::string_view("frcs").find(text[i]));
  ++i;
  s.constants = number();
  while (i < text.size()) {
    ++i;  // the space
    const size_t end = std::string_view("=+^|").find(text[i]);
    if (end != std::string_view::npos) {
      ++i;
      s.end[s.outputs] = static_cast<End>(end);
      s.value[s.outputs++] = number();
      continue;
    }
    const size_t begin = i;
    while (text[i] != ',') ++i;
    s.op[s.steps] = text.substr(begin, i - begin);
    int operands = 0;
    while (i < text.size() && text[i] == ',') {
      ++i;
      s.src[s.steps][operands++] = number();
    }
    for (; operands < 3; ++operands) s.src[s.steps][operands] = -1;
    ++s.steps;
  }
  return s;
}

}  // namespace latent::kernels
