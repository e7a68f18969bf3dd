// Views name what a model lacks; rows are spread evenly.
#include "measure/view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "latent/ops.h"

namespace latent::measure {
namespace {

struct OnlyALoss {
  Expr loss(const Scope& s, Expr x) const { return mean(square(x - s.param("w", {3}, zeros()))); }
};

TEST(Views, NameWhatIsMissing) {
  try {
    view_of(architecture(OnlyALoss(), 3));
    FAIL() << "a model that cannot encode was measured";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("has no encode"), std::string::npos) << e.what();
  }
  const ModelView view = view_of(architecture(Vae{{.hidden = {4}, .latent = 2}}, 3));
  EXPECT_EQ(view.inputs, 3);
  EXPECT_EQ(view.latent, 2);
  EXPECT_EQ(view.likelihood.name, "bernoulli");
}

TEST(RowSources, SomeRowsAreSpreadEvenly) {
  const Dataset digits = Dataset::open("digits");
  const RowSource all = rows_of(digits, choose_scaling(digits, "x"));
  EXPECT_EQ(all.size(), 1797);
  const RowSource some = some_rows(all, 3);
  EXPECT_EQ(some.rows, (std::vector<int32_t>{0, 599, 1198}));
  EXPECT_EQ(some_rows(all, 5000).rows, all.rows);
  EXPECT_THROW(some_rows(all, 0), UsageError);
  std::vector<float> x(64);
  const int32_t row = 7;
  all.read({&row, 1}, x.data());
  EXPECT_GE(*std::ranges::min_element(x), 0);
  EXPECT_EQ(rows_of(digits, Scaling{}, {5, 3}).rows, (std::vector<int32_t>{5, 3}));
}

}  // namespace
}  // namespace latent::measure
