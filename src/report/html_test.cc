// Pages: hostile text stays text, and bytes come back out of base64.
#include "report/html.h"

#include <gtest/gtest.h>

namespace latent::report {
namespace {

TEST(Html, EscapesWhatCouldBeMarkup) {
  EXPECT_EQ(escape("<script>alert(\"a&b\")</script>'"),
            "&lt;script&gt;alert(&quot;a&amp;b&quot;)&lt;/script&gt;&#39;");
  EXPECT_EQ(escape("häuser 数字 \xf0\x9f\x99\x82"), "häuser 数字 \xf0\x9f\x99\x82");
}

TEST(Html, ReplacesWhatIsNoText) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(escape("a\x01"
                   "b\x7f"),
            "a" + mark + "b" + mark);
  EXPECT_EQ(escape("\xff<"), mark + "&lt;");
  EXPECT_EQ(escape("\xc0\xaf"), mark + mark) << "an overlong /";
  EXPECT_EQ(escape("\xed\xa0\x80"), mark + mark + mark) << "a surrogate";
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), mark + mark + mark + mark) << "beyond U+10FFFF";
  EXPECT_EQ(escape("\xe6\x95"), mark + mark) << "cut short";
}

TEST(Html, ShortensWithoutCuttingCharacters) {
  EXPECT_EQ(shortened("short", 5), "short");
  EXPECT_EQ(shortened("longer", 5), "lon..");
  EXPECT_EQ(shortened("数字数字", 6), "数..");
}

TEST(Html, Base64) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(Html, APageNeedsNothingFromElsewhere) {
  const std::string p = page("a <title>", image({2, 3, 1, {0, 1, 2, 3, 4, 5}}, "alt \"text\""));
  EXPECT_TRUE(p.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(p.find("<title>a &lt;title&gt;</title>"), p.npos);
  EXPECT_NE(p.find("width=\"3\" height=\"2\" alt=\"alt &quot;text&quot;\""), p.npos);
  for (const char* outside : {"http:", "https:", "<script", "@import", "url(", "<link"})
    EXPECT_EQ(p.find(outside), p.npos) << outside;
  for (const char* has : {"prefers-color-scheme: dark", "@media print", "width=device-width"})
    EXPECT_NE(p.find(has), p.npos) << has;
}

}  // namespace
}  // namespace latent::report
