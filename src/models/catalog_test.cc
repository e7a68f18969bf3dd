// The catalogue: configs to functions and back, and what it says of wrong ones.
#include "models/catalog.h"

#include <gtest/gtest.h>

#include "latent/nn.h"
#include "latent/ops.h"

namespace latent {
namespace {

using nlohmann::json;

/// The message of the UsageError that `f` throws.
template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const UsageError& e) {
    return e.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(Catalog, ConfigOfEveryModelComesBack) {
  for (const CatalogEntry& e : catalog()) {
    const bool text = e.name.starts_with("text_");
    const json sizes = text ? json{{"vocabulary", 60}} : json{{"hidden", {9, 7}}};
    json asked = sizes;
    asked["latent"] = 3;
    const Architecture a = e.make(asked, 12);
    EXPECT_EQ(a.name, e.name);
    EXPECT_EQ(a.latent, e.name == "vq_vae" ? 8 * 3 : 3);
    const json config = json::parse(a.config);
    for (const auto& [key, value] : sizes.items()) EXPECT_EQ(config.at(key), value);
    EXPECT_EQ(config.at("inputs"), 12);
    EXPECT_EQ(config.size(), e.fields.size());
    EXPECT_EQ(e.make(config, 12).config, a.config);
  }
}

TEST(Catalog, AStructAndItsConfigAreTheSameModel) {
  const Vae vae{{.hidden = {8}, .latent = 2, .beta = 3}};
  const Architecture a = architecture(vae, 10);
  EXPECT_EQ(catalog_entry("vae").make(json::parse(a.config), 10).config, a.config);
  EXPECT_TRUE(a.warmup);
  EXPECT_FALSE(architecture(Autoencoder{}, 10).warmup);
}

TEST(Catalog, SaysWhatIsWrong) {
  const CatalogEntry& vae = catalog_entry("vae");
  EXPECT_NE(refusal([&] {
              vae.make({{"latnt", 3}}, 4);
            }).find("did you mean \"latent\""),
            std::string::npos);
  EXPECT_NE(refusal([&] { vae.make({{"latent", 0}}, 4); }).find("from 1 to"), std::string::npos);
  EXPECT_NE(refusal([&] { vae.make({{"beta", -1}}, 4); }).find("found -1"), std::string::npos);
  EXPECT_NE(refusal([&] { vae.make({{"beta", "much"}}, 4); }).find("a number"), std::string::npos);
  EXPECT_NE(refusal([&] {
              vae.make({{"likelihood", "bernouli"}}, 4);
            }).find("\"bernoulli\""),
            std::string::npos);
  EXPECT_NE(refusal([&] { vae.make({{"inputs", 5}}, 4); }).find("rows of 5"), std::string::npos);
  EXPECT_NE(refusal([&] { vae.make({{"hidden", {4, 0}}}, 4); }).find("hidden"), std::string::npos);
  EXPECT_NE(refusal([&] { catalog_entry("vea"); }).find("did you mean \"vae\""), std::string::npos);
  EXPECT_NE(refusal([&] { architecture(Vae{{.latent = 0}}, 4); }).find("latent"),
            std::string::npos);
}

TEST(Config, TextsOfTheCommandLine) {
  using Kind = ConfigField::Kind;
  const ConfigField number{.name = "beta", .kind = Kind::number, .high = 10};
  const ConfigField integer{.name = "n", .kind = Kind::integer, .high = 1000};
  const ConfigField list{.name = "hidden", .kind = Kind::integers, .low = 1, .high = 99};
  EXPECT_EQ(parse_value(number, "1e-3"), json(1e-3));
  EXPECT_EQ(parse_value(number, "3"), json(3.0));
  EXPECT_EQ(parse_value(integer, "1e2"), json(100));
  EXPECT_EQ(parse_value(list, "4,20"), json({4, 20}));
  EXPECT_EQ(parse_value(list, ""), json::array());
  EXPECT_EQ(parse_value({.name = "tied", .kind = Kind::flag}, "true"), json(true));
  for (const char* bad : {"", "x", "3x", "11", "nan", "inf", "-1"})
    EXPECT_THROW(parse_value(number, bad), UsageError) << bad;
  for (const char* bad : {"1.5", "1001"})
    EXPECT_THROW(parse_value(integer, bad), UsageError) << bad;
  for (const char* bad : {"4,,5", "4,100", "a"})
    EXPECT_THROW(parse_value(list, bad), UsageError) << bad;
}

TEST(Catalog, JsonListsEveryField) {
  const json models = catalog_json();
  ASSERT_EQ(models.size(), catalog().size());
  EXPECT_EQ(models[0].at("name"), "vae");
  EXPECT_EQ(models[0].at("config").size(), catalog()[0].fields.size());
  for (const json& field : models[0].at("config")) EXPECT_FALSE(field.at("help").empty());
}

struct Custom {
  Expr encode(const Scope& s, Expr x) const { return dense(s / "e", x, 3); }
  Expr decode(const Scope& s, Expr z) const { return dense(s / "d", z, 5); }
  Expr loss(const Scope& s, Expr x) const { return mean(square(decode(s, encode(s, x)) - x)); }
};
struct Other : Custom {
  Expr loss(const Scope& s, Expr x) const { return mean(abs(decode(s, encode(s, x)) - x)); }
};

TEST(Architecture, OfAUsersStruct) {
  const Architecture a = architecture(Custom{}, 5), b = architecture(Other{}, 5);
  EXPECT_EQ(a.name, "custom");
  EXPECT_EQ(a.latent, 3);
  EXPECT_TRUE(a.decode_mean);
  EXPECT_FALSE(a.likelihood);
  EXPECT_EQ(a.config, architecture(Custom{}, 5).config);
  EXPECT_NE(a.config, b.config);  // another loss is another model
}

}  // namespace
}  // namespace latent
