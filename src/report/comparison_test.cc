// Runs side by side: what differs is shown, what cannot be compared is said.
#include "report/comparison.h"

#include <gtest/gtest.h>

namespace latent::report {
namespace {

RunSummary run(const std::string& name, double loss, const std::string& latent) {
  return {.name = name,
          .settings = {{"data", "digits"}, {"latent", latent}, {"epochs", "5"}},
          .loss_name = "negative ELBO, bernoulli",
          .loss = loss,
          .bar = 0.3,
          .active = 2,
          .units = 4,
          .parameters = 100,
          .seconds = 1.5};
}

TEST(Comparison, ShowsWhatDiffers) {
  const Comparison c = compare_runs({run("a", 24, "4"), run("b", 23, "8")});
  EXPECT_EQ(c.head, (std::vector<std::string>{"run", "negative ELBO, bernoulli", "active",
                                              "parameters", "time", "latent"}));
  EXPECT_EQ(c.rows[1],
            (std::vector<std::string>{"b", "23.000 +- 0.300", "2/4", "100", "1.5 s", "8"}));
  EXPECT_EQ(c.notes, (std::vector<std::string>{"The lowest loss is that of b."}));
}

TEST(Comparison, SaysWhatIsNotToldApart) {
  const Comparison c = compare_runs({run("a", 23.2, "4"), run("b", 23, "8"), run("c", 30, "8")});
  ASSERT_EQ(c.notes.size(), 2u);
  EXPECT_EQ(c.notes[1], "By the bars over rows, not told apart from it: a.");
}

TEST(Comparison, DoesNotRankDifferentLosses) {
  RunSummary other = run("b", -40, "4");
  other.loss_name = "negative ELBO, gaussian_optimal";
  const Comparison c = compare_runs({run("a", 24, "4"), other});
  ASSERT_EQ(c.notes.size(), 1u);
  EXPECT_NE(c.notes[0].find("different kinds"), std::string::npos);
  EXPECT_EQ(c.rows[1][1], "-40.000 +- 0.300 negative ELBO, gaussian_optimal");
}

TEST(Comparison, AGeneratorHasNoLossToRank) {
  const RunSummary gan{.name = "gan", .settings = {{"data", "digits"}}, .parameters = 9};
  const Comparison mixed = compare_runs({run("a", 24, "4"), gan});
  EXPECT_EQ(mixed.rows[1][1], "-");
  EXPECT_EQ(mixed.rows[1][2], "-") << "nor units in use";
  ASSERT_EQ(mixed.notes.size(), 1u);
  EXPECT_NE(mixed.notes[0].find("different kinds"), std::string::npos);
  const Comparison alone = compare_runs({gan, gan});
  ASSERT_EQ(alone.notes.size(), 1u);
  EXPECT_NE(alone.notes[0].find("no likelihood"), std::string::npos);
  EXPECT_EQ(comparison_html(alone, {gan, gan}).find("<circle"), std::string::npos);
}

TEST(Comparison, TextIsAlignedAndThePageEscaped) {
  const std::vector<RunSummary> runs = {run("<é>", 24, "4"), run("long name", 23, "8")};
  const Comparison c = compare_runs(runs);
  const std::string text = comparison_text(c), page = comparison_html(c, runs);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "run        negative ELBO, bernoulli  active  parameters  time   latent");
  EXPECT_NE(text.find("<é>        24.000"), text.npos);
  EXPECT_NE(page.find("<td>&lt;é&gt;</td>"), page.npos);
  EXPECT_EQ(page.find("<é>"), page.npos);
  EXPECT_NE(page.find("<circle"), page.npos);
}

}  // namespace
}  // namespace latent::report
