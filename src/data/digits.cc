// Unpacks the digits compiled into the library; digits_data.inc says where they come from and how
// they are written.
#include "data/digits.h"

#include <iterator>

namespace latent {

namespace {
constexpr int kPixels = 64;
constexpr char kDigits[][kPixels + 2] = {
#include "data/digits_data.inc"
};
}  // namespace

Tensor digits_images() {
  Tensor images({std::ssize(kDigits), 8, 8}, DType::u8);
  auto out = images.span<uint8_t>().begin();
  for (const auto& digit : kDigits) {
    for (int i = 0; i < kPixels; ++i) {
      *out++ = static_cast<uint8_t>(digit[i] <= '9' ? digit[i] - '0' : digit[i] - 'a' + 10);
    }
  }
  return images;
}

Tensor digits_labels() {
  Tensor labels({std::ssize(kDigits)}, DType::i32);
  auto out = labels.span<int32_t>().begin();
  for (const auto& digit : kDigits) *out++ = digit[kPixels] - '0';
  return labels;
}

}  // namespace latent
