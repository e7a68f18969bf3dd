// Fuzzes one reader of files (LATENT_FUZZ_READER, a function below): whatever the bytes are, the
// reader returns or throws DataError or UsageError. Sanitizers and libFuzzer's limit on a single
// allocation watch the rest.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/audio_file.h"
#include "data/csv.h"
#include "data/idx.h"
#include "data/image.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/plain_text.h"
#include "data/safetensors.h"
#include "data/tar.h"
#include "data/text.h"

namespace {

using namespace latent;
using Bytes = std::span<const std::byte>;

[[maybe_unused]] void idx(Bytes bytes) { parse_idx(bytes, "fuzz"); }
[[maybe_unused]] void npy(Bytes bytes) { parse_npy(bytes, "fuzz"); }
[[maybe_unused]] void safetensors(Bytes bytes) { parse_safetensors(bytes, "fuzz"); }

// Every sample is a number.
[[maybe_unused]] void sound(Bytes bytes) {
  for (const float v : decode_sound(bytes, "fuzz").samples) {
    if (!std::isfinite(v)) std::abort();
  }
}

// Every member lies within the archive.
[[maybe_unused]] void tar(Bytes bytes) {
  for (const TarMember& m : tar_members(bytes, "fuzz")) {
    if (m.at > bytes.size() || m.bytes > bytes.size() - m.at) std::abort();
  }
}

[[maybe_unused]] void npz(Bytes bytes) {
  for (const std::string& array : npz_arrays(bytes, "fuzz")) {
    try {
      parse_npz(bytes, array, "fuzz");
    } catch (const DataError&) {
    }
  }
}

// The header and the picture say the same.
[[maybe_unused]] void image(Bytes bytes) {
  const ImageInfo info = image_info(bytes, "fuzz");
  const Image image = decode_image(bytes, "fuzz");
  if (image.height != info.height || image.width != info.width || image.channels != info.channels ||
      std::ssize(image.pixels) != int64_t{image.height} * image.width * image.channels)
    std::abort();
}
[[maybe_unused]] void png(Bytes bytes) { image(bytes); }
[[maybe_unused]] void jpeg(Bytes bytes) { image(bytes); }
[[maybe_unused]] void pnm(Bytes bytes) { image(bytes); }

// What is read can be written and read again as the same numbers.
[[maybe_unused]] void csv(Bytes bytes) {
  const CsvTable table = parse_csv(bytes, "fuzz");
  const std::string text = csv_text(table.columns, table.values);
  const CsvTable again = parse_csv(bytes_of(text), "fuzz", {.header = true});
  if (again.values.shape() != table.values.shape() ||
      again.values.dtype() != table.values.dtype() ||
      std::memcmp(again.values.raw(), table.values.raw(), table.values.bytes()) != 0)
    std::abort();
}

// Whatever is text becomes rows, by every unit, and running text comes back as it was.
[[maybe_unused]] void text(Bytes bytes) {
  const std::string file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  is_prose(file);
  const std::string text = checked_text(file, "fuzz");
  for (const TextUnit unit : {TextUnit::bytes, TextUnit::chars, TextUnit::words}) {
    for (const bool lines : {false, true}) {
      const FittedText fitted =
          fit_text(text, {.unit = unit, .lines = lines, .window = lines ? 0 : 7}, "fuzz");
      const TextRows rows = text_rows(text, fitted, "fuzz");
      std::vector<int32_t> all(static_cast<size_t>(rows.tokens.elements()));
      if (rows.tokens.dtype() == DType::u8)
        std::ranges::copy(rows.tokens.span<uint8_t>(), all.begin());
      else
        std::ranges::copy(rows.tokens.span<int32_t>(), all.begin());
      const std::string back = fitted.tokenizer.decode(all);
      if (invalid_utf8(back) != back.npos) std::abort();
      if (!lines && rows.counts.unknown == 0 && unit != TextUnit::words && back != text)
        std::abort();
    }
  }
}

// The vocabulary of a model file: the first byte says of which unit, 3 being SentencePiece's.
[[maybe_unused]] void vocabulary(Bytes bytes) {
  if (bytes.empty()) return;
  const std::string blob(reinterpret_cast<const char*>(bytes.data()) + 1, bytes.size() - 1);
  const auto unit = static_cast<TextUnit>(std::to_integer<unsigned>(bytes[0]) % 4);
  const Tokenizer t = Tokenizer::from_bytes(unit, blob, "fuzz");
  std::vector<int32_t> tokens = t.encode("To be, or not to be: na\xc3\xafve");
  for (const int32_t token : tokens)
    if (token < 0 || token >= t.vocabulary()) std::abort();
  tokens.push_back(static_cast<int32_t>(t.vocabulary()) - 1);
  if (const std::string back = t.decode(tokens); invalid_utf8(back) != back.npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    LATENT_FUZZ_READER(std::as_bytes(std::span(data, size)));
  } catch (const DataError&) {
  } catch (const UsageError&) {
  }
  return 0;
}
