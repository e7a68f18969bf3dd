// Vocabularies: order, bounds, <unk>, what comes back, what a bad file is told.
#include "data/text_tokens.h"

#include <gtest/gtest.h>

#include "latent/error.h"

namespace latent {
namespace {

Tokenizer fitted(TextUnit unit, std::vector<std::string_view> documents, int64_t vocabulary = 0) {
  return Tokenizer::fit(unit, documents, vocabulary);
}

TEST(Tokenizer, BytesAreTheirOwnNumbers) {
  const Tokenizer t = fitted(TextUnit::bytes, {"anything"});
  EXPECT_EQ(t.vocabulary(), 256);
  int64_t unknown = 0;
  EXPECT_EQ(t.encode("a\xc3\xa9\x01", SIZE_MAX, &unknown),
            (std::vector<int32_t>{97, 0xc3, 0xa9, kUnknown}));
  EXPECT_EQ(unknown, 1);
  EXPECT_EQ(t.decode(std::vector<int32_t>{97, 0xc3, 0xa9, 1, 98}), "a\xc3\xa9");
  // Half a character, as a window may cut it or a model may write it.
  EXPECT_EQ(t.decode(std::vector<int32_t>{97, 0xc3, 0}), "a\xef\xbf\xbd");
  EXPECT_EQ(t.decode(std::vector<int32_t>{2, 300, -5}), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Tokenizer, CharactersByFrequencyThenBytes) {
  const Tokenizer t = fitted(TextUnit::chars, {"b\xc3\xa9\xc3\xa9", "ab"});
  EXPECT_EQ(t.vocabulary(), 6);
  EXPECT_EQ(t.bytes(), "[\"b\",\"\xc3\xa9\",\"a\"]");
  int64_t unknown = 0;
  EXPECT_EQ(t.encode("ab\xc3\xa9z", SIZE_MAX, &unknown), (std::vector<int32_t>{5, 3, 4, kUnknown}));
  EXPECT_EQ(unknown, 1);
  EXPECT_EQ(t.encode("aaaa", 2).size(), 2u);
  EXPECT_EQ(t.decode(t.encode("a\xc3\xa9z")), "a\xc3\xa9\xef\xbf\xbd");
  EXPECT_EQ(fitted(TextUnit::chars, {"aab"}, 4).encode("ab"), (std::vector<int32_t>{3, kUnknown}));
}

TEST(Tokenizer, WordsAndTheirSpaces) {
  const std::string text = "Don't stop (he said), \"stop\": it's 3.14!";
  const Tokenizer t = fitted(TextUnit::words, {text});
  EXPECT_EQ(t.decode(t.encode(text)), "Don't stop (he said), \" stop \": it's 3. 14!");
  const Tokenizer small = fitted(TextUnit::words, {"the cat and the dog"}, 4);
  EXPECT_EQ(small.decode(small.encode("the dog")), "the \xef\xbf\xbd");
}

TEST(Tokenizer, VocabularyLargerThanTheDataIsThatOfTheData) {
  EXPECT_EQ(fitted(TextUnit::words, {"one two"}, 10000).vocabulary(), 5);
  EXPECT_EQ(fitted(TextUnit::chars, {"one two"}, 10000).vocabulary(), 3 + 6);
  EXPECT_THROW(fitted(TextUnit::words, {"one two"}, 3), UsageError);
}

TEST(Tokenizer, SentencePieceLosesNothing) {
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i)
    lines.push_back("the  quick brown fox jumps over the lazy dog number " + std::to_string(i));
  const std::vector<std::string_view> documents(lines.begin(), lines.end());
  const Tokenizer t = Tokenizer::fit(TextUnit::sentencepiece, documents, 60);
  EXPECT_LE(t.vocabulary(), 60);
  EXPECT_GT(t.vocabulary(), 30);
  const Tokenizer again = Tokenizer::from_bytes(TextUnit::sentencepiece, t.bytes(), "f");
  EXPECT_EQ(Tokenizer::fit(TextUnit::sentencepiece, documents, 60).bytes(), t.bytes());
  for (const std::string& line : lines) {
    EXPECT_EQ(again.decode(t.encode(line)), line);
    EXPECT_LT(t.encode(line).size(), line.size());
  }
  int64_t unknown = 0;
  EXPECT_EQ(t.decode(t.encode("dog \xe2\x82\xac", SIZE_MAX, &unknown)), "dog \xef\xbf\xbd");
  EXPECT_EQ(unknown, 1);
  const std::string longer(100000, 'o');
  EXPECT_EQ(t.encode(longer, 5).size(), 5u);
}

TEST(Tokenizer, ComesBackFromItsBytes) {
  for (const TextUnit unit : {TextUnit::bytes, TextUnit::chars, TextUnit::words}) {
    const Tokenizer t = fitted(unit, {"\"quoted\" \\ words", "and others"});
    const Tokenizer again = Tokenizer::from_bytes(unit, t.bytes(), "f");
    EXPECT_EQ(again.vocabulary(), t.vocabulary());
    EXPECT_EQ(again.encode("other words"), t.encode("other words"));
  }
}

TEST(Tokenizer, BadBytesAreRefused) {
  for (const char* bytes : {"", "{}", "[1]", "[\"\"]", "[\"a\",\"a\"]", "[\"a\"", "[\"\xe9\"]"})
    EXPECT_THROW(Tokenizer::from_bytes(TextUnit::chars, bytes, "f"), DataError) << bytes;
  EXPECT_THROW(Tokenizer::from_bytes(TextUnit::bytes, "x", "f"), DataError);
  for (const char* bytes : {"", "no model", "\x0a\x05\x0a"})
    EXPECT_THROW(Tokenizer::from_bytes(TextUnit::sentencepiece, bytes, "f"), DataError);
  EXPECT_THROW(text_unit_named("byts"), UsageError);
}

}  // namespace
}  // namespace latent
