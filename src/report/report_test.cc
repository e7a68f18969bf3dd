// The page of a run: the sections that its data ask for, everything escaped, the same bytes again.
#include "report/report.h"

#include <gtest/gtest.h>

#include "report/curves.h"
#include "report/map.h"

namespace latent::report {
namespace {

RunReport small() {
  RunReport r{.title = "vae on <digits>", .verdict = "It works & how."};
  r.trained = {{"data", "a.csv"}};
  r.checks = {"the output differs between rows", "values lie in <0, 1>"};
  r.commands = {{"Codes:", "latent encode 'it'\\''s' -o codes.npy"}};
  r.reproduction = {{"Again:", "latent train <in>"}, {"program", "latent 0.1"}};
  return r;
}

TEST(Report, SaysWhatThereIsAndNoMore) {
  const std::string page = report_html(small());
  for (const char* part :
       {"vae on &lt;digits&gt;", "It works &amp; how.", "Did it work?", "What did it learn?",
        "What to try next", "Use the model", "Reproduce it",
        "found no fault: the output differs between rows, values lie in &lt;0",
        "latent train &lt;in&gt;"})
    EXPECT_NE(page.find(part), page.npos) << part;
  for (const char* part : {"Samples", "Reconstructions", "Map of the codes", "<img", "<svg"})
    EXPECT_EQ(page.find(part), page.npos) << part;
  EXPECT_EQ(page, report_html(small()));
}

TEST(Report, FaultsComeWithAdvice) {
  RunReport r = small();
  r.findings = {{.code = "collapsed", .sentence = "0 < 1 units", .advice = "try --beta 0.5"}};
  const std::string page = report_html(r);
  EXPECT_NE(page.find("class=\"verdict fault\""), page.npos);
  EXPECT_NE(page.find("<strong>collapsed</strong>: 0 &lt; 1 units"), page.npos);
  EXPECT_NE(page.find("try --beta 0.5"), page.npos);
  EXPECT_EQ(page.find("found no fault"), page.npos);
  r.findings.front().kind = Finding::Kind::remark;
  EXPECT_EQ(report_html(r).find("class=\"verdict fault\""), std::string::npos);
}

TEST(Report, ClaimsNoMoreThanWasLookedAt) {
  RunReport r = small();
  r.checks.clear();
  EXPECT_EQ(report_html(r).find("found no fault"), std::string::npos);
  r.reconstructions = r.interpolation = Picture{2, 2, 1, std::vector<uint8_t>(4)};
  EXPECT_NE(report_html(r).find("Held-out rows, and"), std::string::npos);
  EXPECT_NE(report_html(r).find("one held-out row to"), std::string::npos);
  r.held_out = false;
  EXPECT_EQ(report_html(r).find("eld-out"), std::string::npos);
}

TEST(Report, TablesShowColumnsInsteadOfPictures) {
  RunReport r = small();
  r.columns = {{"<height>", 10, 5}, {"constant", 0, 0}};
  r.effects =
      UnitEffects{.columns = {"<height>"}, .effects = {{1.5}, {-0.25}}, .units = {"z1", "z2"}};
  const std::string page = report_html(r);
  EXPECT_NE(page.find("<td>&lt;height&gt;</td><td>10</td><td>5</td><td>75.0 %</td>"), page.npos);
  EXPECT_NE(page.find("does not vary"), page.npos);
  EXPECT_NE(page.find("<td>z2</td><td>-0.25</td>"), page.npos);
}

TEST(Report, SoundsArePlayed) {
  RunReport r = small();
  EXPECT_EQ(report_html(r).find("<audio"), std::string::npos);
  r.heard = {{{"<a>.wav", "RIFF"}, {"", "back"}}};
  r.drawn = {{"sample 1", "RIF"}};
  const std::string page = report_html(r);
  EXPECT_NE(page.find("<td>&lt;a&gt;.wav</td><td><audio controls "
                      "src=\"data:audio/wav;base64,UklGRg==\"></audio></td>"),
            page.npos);
  EXPECT_NE(page.find("sample 1 <audio controls src=\"data:audio/wav;base64,UklG\">"), page.npos);
}

TEST(Curves, OneChartAPartOfTheLoss) {
  const std::string text =
      "{\"epoch\":1,\"train_loss\":3.0,\"train_kl\":1.0,\"validation_loss\":4.0,\"validation_kl\":"
      "1.5}\n"
      "{\"event\":\"rollback\",\"epoch\":2,\"message\":\"m\"}\n"
      "{\"epoch\":2,\"train_loss\":2.0,\"train_kl\":0.5,\"validation_loss\":3.0,\"validation_kl\":"
      "1.0}\n";
  const auto charts = curves_of(Metrics::parse(text, 3, "m"));
  ASSERT_EQ(charts.size(), 2u);
  EXPECT_EQ(charts[0].title, "loss by epoch");
  EXPECT_EQ(charts[1].lines.size(), 2u);
  EXPECT_EQ(charts[1].lines[1].x, (std::vector<double>{1, 2}));
  EXPECT_EQ(charts[1].lines[1].y, (std::vector<double>{1.5, 1}));
  const std::string same = "{\"epoch\":1,\"train_loss\":3.0,\"train_reconstruction\":3.0}\n";
  EXPECT_EQ(curves_of(Metrics::parse(same, 1, "m")).size(), 1u) << "the part is the loss";
  EXPECT_TRUE(curves_of({}).empty());
}

TEST(Curves, UnitsByEpoch) {
  std::string text;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    std::string units;
    for (int u = 1; u <= 12; ++u) units += (u > 1 ? "," : "") + std::to_string(u * epoch);
    text += "{\"epoch\":" + std::to_string(epoch) +
            ",\"train_loss\":1.0,\"active_units\":" + std::to_string(12 - epoch) +
            ",\"unit_kl\":[" + units + "]}\n";
  }
  const auto charts = curves_of(Metrics::parse(text, 2, "m"));
  ASSERT_EQ(charts.size(), 3u);
  EXPECT_EQ(charts[1].title, "units in use by epoch, held-out rows");
  EXPECT_EQ(charts[1].lines[0].y, (std::vector<double>{11, 10}));
  EXPECT_NE(charts[2].title.find("the 10 of 12 units"), std::string::npos) << charts[2].title;
  ASSERT_EQ(charts[2].lines.size(), 10u);
  EXPECT_EQ(charts[2].lines[0].name, "z3") << "z1 and z2 are the lowest";
  EXPECT_EQ(charts[2].lines[9].y, (std::vector<double>{12, 24}));
  EXPECT_NE(charts[2].lines[0].colour, charts[2].lines[1].colour);
  EXPECT_TRUE(charts[2].lines[7].dashed) << "the eighth has the first one's colour";
}

Dataset labelled(const std::vector<int32_t>& labels) {
  Tensor x({std::ssize(labels), 1}), y({std::ssize(labels)}, DType::i32);
  std::ranges::copy(labels, y.span<int32_t>().begin());
  std::vector<Field> fields;
  fields.push_back({"x", std::move(x)});
  fields.push_back({"label", std::move(y)});
  return {"memory", std::move(fields)};
}

TEST(Map, PrincipalAxesOfMoreThanTwoUnits) {
  // Large variance along (0, 1, 1), less along (1, 0, 0), none else.
  const std::vector<float> codes = {1, 4, 4, -1, 4, 4, 1, -4, -4, -1, -4, -4};
  const std::vector<int32_t> rows = {0, 1, 2, 3};
  std::string text;
  const Scatter s = map_of(codes, 3, labelled({7, 7, 9, 9}), rows, text);
  ASSERT_EQ(s.groups.size(), 2u);
  EXPECT_EQ(s.groups[1].name, "9");
  const float far = s.groups[0].x[0], near = s.groups[0].y[0];
  EXPECT_NEAR(std::abs(far), std::sqrt(32.0), 1e-4);
  EXPECT_NEAR(s.groups[1].x[0], -far, 1e-4);
  EXPECT_NEAR(std::abs(near), 1, 1e-4);
  EXPECT_NE(text.find("100 % of its variance"), text.npos) << text;
}

TEST(Map, UnitsThemselvesWhereThereAreTwo) {
  const std::vector<float> codes = {1, 2, 3, 4};
  const std::vector<int32_t> rows = {0, 1};
  std::string text;
  const Scatter s = map_of(codes, 2, labelled({5, 5}), rows, text);
  EXPECT_EQ(s.groups[0].x, (std::vector<float>{1, 3}));
  EXPECT_EQ(s.groups[0].y, (std::vector<float>{2, 4}));
  EXPECT_EQ(s.x_name, "unit 1");
}

TEST(Map, ManyLabelsBecomeFifths) {
  std::vector<int32_t> labels, rows;
  std::vector<float> codes;
  for (int i = 0; i <= 100; ++i) {
    labels.push_back(i);
    rows.push_back(i);
    codes.push_back(static_cast<float>(i));
  }
  std::string text;
  const Scatter s = map_of(codes, 1, labelled(labels), rows, text);
  ASSERT_EQ(s.groups.size(), 5u);
  EXPECT_EQ(s.groups[0].name, "0 to 20");
  EXPECT_EQ(s.groups[0].x.size(), 20u);
  EXPECT_EQ(s.groups[4].x.size(), 21u) << "the largest is in the last";
}

}  // namespace
}  // namespace latent::report
