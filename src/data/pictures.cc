// Files to rows of pixels: looked at once for their sizes and their hash, then decoded unless the
// cache has what the same bytes gave before; see pictures.h.
#include "data/pictures.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/memory.h"
#include "data/cache.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "data/image_resize.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr size_t kMostFileBytes = size_t{1} << 30;  // of one picture
constexpr int kMostSide = 2048;                     // rows of a model have at most 2^24 values
constexpr int kVersion = 1;  // of decoding and resizing: another one gives other keys

struct Size {
  int height = 0, width = 0;
  std::string text() const { return std::to_string(height) + "x" + std::to_string(width); }
  std::string words() const { return std::to_string(height) + " x " + std::to_string(width); }
  auto operator<=>(const Size&) const = default;
};

/// "64" or "48x64". UsageError for anything else.
Size parse_size(const std::string& text) {
  const size_t x = text.find('x');
  const auto number = [&](const std::string& part) {
    const bool digits =
        !part.empty() && part.size() <= 4 && part.find_first_not_of("0123456789") == part.npos;
    const int n = digits ? std::stoi(part) : 0;
    if (n < 1 || n > kMostSide)
      throw UsageError("a size is a number of pixels from 1 to " + std::to_string(kMostSide) +
                       ", or two as HEIGHTxWIDTH; found \"" + text + "\"");
    return n;
  };
  if (x == text.npos) return {number(text), number(text)};
  return {number(text.substr(0, x)), number(text.substr(x + 1))};
}

/// What was seen of a file without decoding it.
struct Seen {
  ImageInfo info;
  uint64_t hash = 0;
  bool good = false;
};

std::vector<Seen> look_at(const FileSet& files, BadFiles& bad) {
  std::vector<Seen> seen(files.size());
  for_all(files.size(), bad, [&](size_t i) {
    seen[i].good = bad.attempt(i, files.path(i), [&] {
      const std::string bytes = files.read(i, kMostFileBytes);
      seen[i].info = image_info(bytes_of(bytes), files.path(i));
      seen[i].hash = hash_bytes(bytes_of(bytes));
    });
  });
  bad.check(files.size());
  return seen;
}

/// The one size of small pictures, else about 64 pixels on the shorter side in the shape that half
/// of the pictures are taller than, square where that is nearly so.
Size proposed(const std::vector<Size>& sizes) {
  constexpr int kShort = 64, kLong = 128, kMultiple = 16;
  const auto [low, high] = std::ranges::minmax(sizes);
  const int shorter = std::min(low.height, low.width), longer = std::max(low.height, low.width);
  if (low == high && shorter <= kShort && longer <= kLong) return low;
  const auto middle = [](auto values) {
    const auto at = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, at);
    return *at;
  };
  std::vector<double> shapes;
  std::vector<int> sides;
  for (const Size& s : sizes) {
    shapes.push_back(static_cast<double>(s.height) / s.width);
    sides.push_back(std::min(s.height, s.width));
  }
  int side = std::min(kShort, middle(sides));
  if (side > 8) side = side / 8 * 8;
  const double shape = middle(shapes);  // height / width
  const double stretch = std::max(shape, 1 / shape);
  if (stretch < 1.25) return {side, side};
  const int other = std::clamp(
      static_cast<int>(std::lround(side * stretch / kMultiple)) * kMultiple, side, kLong);
  return shape > 1 ? Size{other, side} : Size{side, other};
}

/// Sizes that are met, in words, and what becomes of them.
std::string describe(const std::vector<Size>& sizes, Size size, const std::string& fit,
                     int channels, bool asked) {
  const std::set<Size> kinds(sizes.begin(), sizes.end());
  std::string text = std::to_string(sizes.size()) + (sizes.size() == 1 ? " picture" : " pictures");
  if (kinds.size() == 1) {
    text += " of " + kinds.begin()->words();
  } else {
    const auto area = [](const Size& s) { return int64_t{s.height} * s.width; };
    const auto [low, high] = std::ranges::minmax_element(kinds, {}, area);
    text += " of " + std::to_string(kinds.size()) + " sizes, from " + low->words() + " to " +
            high->words();
  }
  const std::string colour = channels == 1 ? "grey" : "in colour";
  if (kinds.size() == 1 && *kinds.begin() == size) return text + " (height x width), " + colour;
  text += ", brought to " + size.words() + " (height x width) by " + fit + ", " + colour;
  return asked ? text : text + "; --size takes another";
}

/// The rows [n, height, width[, 3]] of the files at `good`, and about those of them that could not
/// be decoded: [[place in good, reason], ..]. The rows of these are left out.
CacheEntry decode_all(const FileSet& files, const std::vector<size_t>& good, Size size, Fit fit,
                      int channels, BadFiles& bad) {
  const auto row = static_cast<size_t>(size.height) * static_cast<size_t>(size.width) *
                   static_cast<size_t>(channels);
  if (row > machine_bytes() / good.size()) {
    throw UsageError(std::to_string(good.size()) + " pictures of " + size.words() + " are " +
                     std::to_string((row >> 10) * good.size() >> 10) +
                     " MiB, more than this machine has; give a smaller --size");
  }
  Shape shape{static_cast<int64_t>(good.size()), size.height, size.width};
  if (channels == 3) shape.push_back(3);
  CacheEntry entry{Tensor(shape, DType::u8), json::array()};
  uint8_t* pixels = entry.values.span<uint8_t>().data();
  std::vector<uint8_t> fine(good.size());
  for_all(good.size(), bad, [&](size_t k) {
    const std::string path = files.path(good[k]);
    fine[k] = bad.attempt(good[k], path, [&] {
      const std::string bytes = files.read(good[k], kMostFileBytes);
      const Image image =
          fitted(decode_image(bytes_of(bytes), path), size.height, size.width, fit, channels);
      std::ranges::copy(image.pixels, pixels + k * row);
    });
  });
  bad.check(files.size());
  size_t kept = 0;
  for (size_t k = 0; k < good.size(); ++k) {
    if (fine[k] == 0) {
      entry.about.push_back({k, bad.reason(good[k])});
    } else if (kept++ < k) {
      std::copy_n(pixels + k * row, row, pixels + (kept - 1) * row);
    }
  }
  if (kept == good.size()) return entry;
  shape[0] = static_cast<int64_t>(kept);
  Tensor rows(shape, DType::u8);
  std::copy_n(pixels, kept * row, rows.span<uint8_t>().data());
  entry.values = std::move(rows);
  return entry;
}

/// The same out of the cache where it has them. `good` loses the files that are bad.
Tensor rows_of(const FileSet& files, const std::vector<Seen>& seen, std::vector<size_t>& good,
               Size size, const std::string& fit, int channels, BadFiles& bad,
               std::vector<std::string>& notes) {
  const std::string how =
      std::to_string(kVersion) + " " + size.text() + " " + fit + " " + std::to_string(channels);
  std::vector<uint64_t> hashes;
  for (const size_t i : good) hashes.push_back(seen[i].hash);
  const uint64_t key = hash_bytes(std::as_bytes(std::span(hashes)), hash_bytes(bytes_of(how)));
  const Cache cache;
  std::optional<CacheEntry> entry = cache.find(key);
  if (entry) {
    for (const json& b : entry->about) {
      const size_t i = good.at(b.at(0).get<size_t>());
      bad.add(i, files.path(i), b.at(1).get<std::string>());
    }
    bad.check(files.size());
  } else {
    entry = decode_all(files, good, size, fit_named(fit), channels, bad);
    try {
      if (cache.exists()) cache.keep(key, *entry);
      if (std::optional<CacheEntry> kept = cache.find(key)) entry = std::move(kept);
    } catch (const SystemError& e) {
      notes.push_back(std::string("the decoded pictures are not kept for the next time: ") +
                      e.what());
    }
  }
  for (size_t k = entry->about.size(); k-- > 0;)
    good.erase(good.begin() + entry->about[k].at(0).get<ptrdiff_t>());
  return std::move(entry->values);
}

Dataset open_pictures(const std::string& path, const json& settings, const Content* as,
                      const std::string& label) {
  const FileSet all = FileSet::open(path);
  if (!label.empty() && label != "folder" && label != "list") file_labels(all, label);  // throws
  BadFiles bad(settings.at("skip_bad").get<bool>());
  const std::vector<Seen> seen = look_at(all, bad);
  std::vector<size_t> good;
  std::vector<Size> sizes;
  bool colour = false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!seen[i].good) continue;
    good.push_back(i);
    sizes.push_back({seen[i].info.height, seen[i].info.width});
    colour = colour || seen[i].info.channels == 3;
  }
  About about{.content = as ? *as : Content{.kind = "pictures", .settings = settings}};
  json& resolved = about.content.settings;
  const std::string asked = settings.at("size").get<std::string>();
  const Size size = asked.empty() ? proposed(sizes) : parse_size(asked);
  if (settings.at("colour") == "auto") resolved["colour"] = colour ? "rgb" : "grey";
  resolved["size"] = size.text();
  const int channels = resolved.at("colour") == "rgb" ? 3 : 1;
  const std::string fit = settings.at("fit").get<std::string>();
  std::vector<Field> fields;
  fields.push_back({"x", rows_of(all, seen, good, size, fit, channels, bad, about.notes)});
  if (!as) {
    sizes.clear();
    for (const size_t i : good) sizes.push_back({seen[i].info.height, seen[i].info.width});
    about.notes.insert(about.notes.begin(), describe(sizes, size, fit, channels, !asked.empty()));
  }
  const std::string left = left_out(bad);
  if (!left.empty()) about.notes.push_back(left);
  const FileSet files = all.only(good);
  for (size_t i = 0; i < files.size(); ++i) about.names.push_back(files.name(i));
  if (!label.empty()) {
    FileLabels labels = file_labels(files, label);
    number_as_trained(labels, about.content.blobs["classes"], path);
    about.classes = labels.classes;
    Tensor values({std::ssize(labels.of_file)}, DType::i32);
    std::ranges::copy(labels.of_file, values.span<int32_t>().begin());
    fields.push_back({"label", std::move(values)});
  }
  return Dataset(short_name(path), std::move(fields), std::move(about));
}

/// Whether one of the first files is a picture, or one that is known and cannot be read.
bool recognizes_pictures(const std::string&, const FileSet& files) {
  constexpr size_t kMostLookedAt = 8;
  for (size_t i = 0; i < std::min(files.size(), kMostLookedAt); ++i) {
    if (files.source() == FileSet::Source::zip && files.name(i).ends_with(".npy")) return false;
    const std::string start = files.start(i);
    if (is_image(bytes_of(start)) || !foreign_image(bytes_of(start)).empty()) return true;
  }
  return false;
}

}  // namespace

ContentKind pictures_kind() {
  using Kind = ConfigField::Kind;
  return {
      .name = "pictures",
      .doc = "PNG, JPEG and PNM files, or a folder, list or archive of them",
      .fields =
          {
              {.name = "size",
               .help = "pictures are brought to so many pixels, N or HEIGHTxWIDTH; empty: proposed",
               .kind = Kind::word,
               .initial = ""},
              {.name = "fit",
               .help = "of pictures of another shape: crop, pad (black bars) or stretch",
               .kind = Kind::word,
               .choices = {"crop", "pad", "stretch"},
               .initial = "crop"},
              {.name = "colour",
               .help = "of pictures: grey, rgb, or auto: grey where all are",
               .kind = Kind::word,
               .choices = {"auto", "grey", "rgb"},
               .initial = "auto"},
              {.name = "skip_bad",
               .help = "leave out files that cannot be read, and name them",
               .kind = Kind::flag,
               .initial = false},
          },
      .names = {".png", ".jpg", ".jpeg", ".pnm", ".pgm", ".ppm"},
      .recognizes = recognizes_pictures,
      .open = open_pictures,
  };
}

}  // namespace latent
