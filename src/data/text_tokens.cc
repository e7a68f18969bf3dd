// Vocabularies of bytes, characters and words, and SentencePiece; see text_tokens.h.
#include "data/text_tokens.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/near.h"
#include "data/plain_text.h"
#include "latent/error.h"

namespace latent {

namespace {

constexpr int64_t kWords = 10000, kPieces = 2000;  // numbers where nothing else was asked
constexpr int64_t kMostTokens = int64_t{1} << 24;  // float32 holds every number below exactly
const std::vector<std::string> kUnitNames = {"bytes", "chars", "words", "sentencepiece"};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\'' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The next unit of `text`, which loses it; empty at the end.
std::string_view next_unit(TextUnit unit, std::string_view& text) {
  if (unit == TextUnit::words)
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  if (text.empty()) return {};
  size_t length = utf8_length(text.front());
  if (unit == TextUnit::words && is_word(text.front()))
    while (length < text.size() && is_word(text[length])) ++length;
  const std::string_view found = text.substr(0, length);
  text.remove_prefix(found.size());
  return found;
}

/// Whether words are written with a space between `before` and `after`.
bool apart(std::string_view before, std::string_view after) {
  constexpr std::string_view kCloses = ",.;:!?)]}%", kOpens = "([{";
  return !(after.size() == 1 && kCloses.find(after[0]) != kCloses.npos) &&
         !(before.size() == 1 && kOpens.find(before[0]) != kOpens.npos);
}

class Documents : public sentencepiece::SentenceIterator {
 public:
  explicit Documents(std::span<const std::string_view> documents) : left_(documents) { take(); }
  bool done() const override { return left_.empty(); }
  void Next() override {
    left_ = left_.subspan(1);
    take();
  }
  const std::string& value() const override { return value_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void take() {
    if (!left_.empty()) value_ = left_.front();
  }
  std::span<const std::string_view> left_;
  std::string value_;
};

}  // namespace

TextUnit text_unit_named(const std::string& name) {
  const auto found = std::ranges::find(kUnitNames, name);
  if (found == kUnitNames.end())
    throw UsageError("no unit of text is called \"" + name + "\"" + did_you_mean(name, kUnitNames));
  return static_cast<TextUnit>(found - kUnitNames.begin());
}
const char* name_of(TextUnit unit) { return kUnitNames[static_cast<size_t>(unit)].c_str(); }

struct Tokenizer::Units {
  std::vector<std::string> names;  // of token kFirstToken + i
  std::unordered_map<std::string_view, int32_t> token;

  explicit Units(std::vector<std::string> list) : names(std::move(list)) {
    for (size_t i = 0; i < names.size(); ++i)
      token.emplace(names[i], kFirstToken + static_cast<int32_t>(i));
  }
};

struct Tokenizer::Pieces {
  sentencepiece::SentencePieceProcessor model;
  std::string bytes;
};

Tokenizer Tokenizer::fit(TextUnit unit, std::span<const std::string_view> documents,
                         int64_t vocabulary) {
  Tokenizer t(unit);
  if (unit == TextUnit::bytes) return t;
  if (vocabulary != 0 && (vocabulary <= kFirstToken || vocabulary > kMostTokens)) {
    throw UsageError(
        "a vocabulary holds 4 to 2^24 numbers, three of them for padding, the end of "
        "a sentence and <unk>; asked for " +
        std::to_string(vocabulary));
  }
  if (unit == TextUnit::sentencepiece) {
    Documents all(documents);
    std::string model;
    // One thread: the model's scores are sums, which depend on how they are cut.
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        std::unordered_map<std::string, std::string>{
            {"vocab_size", std::to_string(vocabulary ? vocabulary : kPieces)},
            {"hard_vocab_limit", "false"},
            {"model_type", "unigram"},
            {"normalization_rule_name", "identity"},
            {"remove_extra_whitespaces", "false"},
            {"add_dummy_prefix", "false"},
            {"num_threads", "1"},
            {"max_sentence_length", "1000000"},
            {"pad_id", std::to_string(kPadding)},
            {"eos_id", std::to_string(kSentenceEnd)},
            {"unk_id", std::to_string(kUnknown)},
            {"bos_id", "-1"},
            {"unk_surface", std::string(kReplacement)},
            {"minloglevel", "2"}},
        &all, &model);
    if (!status.ok())
      throw UsageError("SentencePiece cannot be trained on this text: " + status.ToString());
    return from_bytes(unit, model, "the model that SentencePiece has trained");
  }
  std::unordered_map<std::string_view, int64_t> counts;
  for (std::string_view text : documents) {
    for (auto one = next_unit(unit, text); !one.empty(); one = next_unit(unit, text)) ++counts[one];
  }
  std::vector<std::pair<std::string_view, int64_t>> order(counts.begin(), counts.end());
  std::ranges::sort(order, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  const int64_t most = vocabulary ? vocabulary : unit == TextUnit::words ? kWords : kMostTokens;
  order.resize(std::min(order.size(), static_cast<size_t>(most - kFirstToken)));
  std::vector<std::string> names;
  for (const auto& [name, count] : order) names.emplace_back(name);
  t.units_ = std::make_shared<Units>(std::move(names));
  return t;
}

Tokenizer Tokenizer::from_bytes(TextUnit unit, std::string_view bytes, const std::string& path) {
  Tokenizer t(unit);
  if (unit == TextUnit::bytes) {
    if (!bytes.empty()) throw DataError("a vocabulary of bytes holds nothing", path);
    return t;
  }
  if (unit == TextUnit::sentencepiece) {
    auto pieces = std::make_shared<Pieces>();
    pieces->bytes = bytes;
    const auto status = pieces->model.LoadFromSerializedProto(pieces->bytes);
    if (!status.ok() || pieces->model.GetPieceSize() <= kFirstToken ||
        pieces->model.pad_id() != kPadding || pieces->model.eos_id() != kSentenceEnd ||
        pieces->model.unk_id() != kUnknown)
      throw DataError("the SentencePiece model cannot be used", path);
    t.pieces_ = std::move(pieces);
    return t;
  }
  const auto list = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  bool good = list.is_array() && std::ssize(list) <= kMostTokens - kFirstToken;
  std::vector<std::string> names;
  for (size_t i = 0; good && i < list.size(); ++i) {
    good = list[i].is_string() && !list[i].get_ref<const std::string&>().empty();
    if (good) names.push_back(list[i]);
  }
  if (!good) throw DataError("the vocabulary is no list of texts", path);
  auto units = std::make_shared<Units>(std::move(names));
  if (units->token.size() != units->names.size())
    throw DataError("the vocabulary names a unit twice", path);
  t.units_ = std::move(units);
  return t;
}

int64_t Tokenizer::vocabulary() const {
  if (unit_ == TextUnit::bytes) return 256;
  if (unit_ == TextUnit::sentencepiece) return pieces_->model.GetPieceSize();
  return kFirstToken + std::ssize(units_->names);
}

std::string Tokenizer::bytes() const {
  if (unit_ == TextUnit::bytes) return "";
  if (unit_ == TextUnit::sentencepiece) return pieces_->bytes;
  return nlohmann::json(units_->names).dump();
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, size_t most, int64_t* unknown) const {
  std::vector<int32_t> tokens;
  if (unit_ == TextUnit::bytes) {
    for (const char c : text.substr(0, most)) {
      const auto byte = static_cast<unsigned char>(c);
      tokens.push_back(byte < kFirstToken ? kUnknown : byte);
    }
  } else if (unit_ == TextUnit::sentencepiece) {
    // No piece is longer than 16 characters of at most 4 bytes (SentencePiece's default), so what
    // lies behind cannot change the first `most` pieces by more than their last; cut between
    // characters.
    constexpr size_t kLongest = 64;
    if (most < text.size() / kLongest) {
      size_t end = (most + 1) * kLongest;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
      text = text.substr(0, end);
    }
    std::vector<int> ids;
    const auto status = pieces_->model.Encode({text.data(), text.size()}, &ids);
    if (!status.ok()) throw InternalError("SentencePiece: " + status.ToString());
    ids.resize(std::min(ids.size(), most));
    tokens.assign(ids.begin(), ids.end());
  } else {
    for (auto one = next_unit(unit_, text); !one.empty() && tokens.size() < most;
         one = next_unit(unit_, text)) {
      const auto found = units_->token.find(one);
      tokens.push_back(found == units_->token.end() ? kUnknown : found->second);
    }
  }
  if (unknown) *unknown += std::ranges::count(tokens, kUnknown);
  return tokens;
}

std::string Tokenizer::decode(std::span<const int32_t> tokens) const {
  const auto end =
      std::ranges::find_if(tokens, [](int32_t t) { return t == kPadding || t == kSentenceEnd; });
  tokens = tokens.first(static_cast<size_t>(end - tokens.begin()));
  std::string text;
  if (unit_ == TextUnit::bytes) {
    for (const int32_t t : tokens) {
      if (t >= kFirstToken && t < 256)
        text += static_cast<char>(t);
      else
        text += kReplacement;
    }
    return repaired_utf8(text);
  }
  if (unit_ == TextUnit::sentencepiece) {
    std::vector<int> ids;
    for (const int32_t t : tokens)
      ids.push_back(t >= kFirstToken && t < vocabulary() ? t : kUnknown);
    const auto status = pieces_->model.Decode(ids, &text);
    if (!status.ok()) throw InternalError("SentencePiece: " + status.ToString());
    return repaired_utf8(text);
  }
  std::string_view before;
  for (const int32_t t : tokens) {
    const bool known = t >= kFirstToken && t < vocabulary();
    const std::string_view one =
        known ? std::string_view(units_->names[static_cast<size_t>(t - kFirstToken)])
              : kReplacement;
    if (unit_ == TextUnit::words && !before.empty() && apart(before, one)) text += ' ';
    text += one;
    before = one;
  }
  return repaired_utf8(text);
}

}  // namespace latent
