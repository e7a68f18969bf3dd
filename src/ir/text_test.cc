// The text of a graph: what it keeps, and that no text, however wrong, does more than throw.
#include "ir/text.h"

#include <gtest/gtest.h>

#include <random>

#include "latent/latent.h"

namespace latent::ir {
namespace {

/// A training step with a scan, so that bodies, slots, commits and most attributes occur.
std::string example() {
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {4, 3});
  const Expr h = tanh(dense(s / "a", x, 5));
  const ScanResult r = scan(g, 3, {h}, {}, [&](const ScanStep& t) -> ScanYield {
    return {{t.carries[0] * 0.5 + slice(concat({h, h}, 1), 1, 2, 5)}, {}};
  });
  minimize(g, mean(square(r.carries[0])), Adam{});
  g.fetch("h", transpose(h));
  return g.text();
}

TEST(Text, IsItsOwnInverse) {
  const std::string text = example();
  EXPECT_EQ(Graph::parse(text)->text(), text);
}

TEST(Text, SaysWhatIsWrongAndWhere) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      Graph::parse(text);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_NE(message("%0 = expp() : f32[]\n").find("no op is called \"expp\""), std::string::npos);
  EXPECT_NE(message("%1 = iota() : i32[2]\n").find("without a gap"), std::string::npos);
  EXPECT_NE(message("%0 = exp(%3) : f32[2]\n").find("not defined above"), std::string::npos);
}

TEST(Text, AScansResultsHaveTheTypesThatItGives) {
  const auto text = [](const std::string& result) {
    return "%0 = feed() {name=\"x\", shape=[4], dtype=\"f32\"} : f32[4]\n"
           "%1 = scan(%0) {length=2, carries=1, inputs=0, reverse=0} : f32[] body {\n"
           "%0 = feed() {name=\"carry:0\", shape=[4], dtype=\"f32\"} : f32[4]\n"
           "fetch carry:0 = %0\n}\n%2 = scan_output" +
           result + "\nfetch y = %2\n";
  };
  EXPECT_NO_THROW(Graph::parse(text("(%1) {index=0, shape=[4], dtype=\"f32\"} : f32[4]")));
  for (const char* wrong : {"(%1) {index=0, shape=[2], dtype=\"f32\"} : f32[2]",
                            "(%1) {index=0, shape=[4], dtype=\"i32\"} : i32[4]",
                            "(%1) {index=1, shape=[4], dtype=\"f32\"} : f32[4]",
                            "(%1) {index=-1, shape=[4], dtype=\"f32\"} : f32[4]",
                            "(%0) {index=0, shape=[4], dtype=\"f32\"} : f32[4]"})
    EXPECT_THROW(Graph::parse(text(wrong)), UsageError) << wrong;
}

TEST(Text, WrongTextsThrowUsageErrorsOnly) {
  const std::string text = example();
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string wrong = text;
    for (unsigned k = 0; k <= random() % 3; ++k) {
      const size_t at = random() % wrong.size();
      switch (random() % 4) {
        case 0:
          wrong[at] = static_cast<char>(32 + random() % 95);
          break;
        case 1:
          wrong.erase(at, 1 + random() % 8);
          break;
        case 2:
          wrong.insert(at, wrong.substr(random() % wrong.size(), random() % 12));
          break;
        default:
          wrong.resize(at + 1);
      }
    }
    try {
      Graph::parse(wrong);
    } catch (const UsageError&) {
      ++refused;
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what() << "\n" << wrong;
      return;
    }
  }
  EXPECT_GT(refused, 1500);
}

}  // namespace
}  // namespace latent::ir
