// Decoding pictures: every kind of PNG, JPEG and PNM to known pixels, orientation, and what is
// refused with its reason.
#include "data/image.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

#include "base/file.h"
#include "data/test_images.h"
#include "latent/error.h"

namespace latent {
namespace {

using namespace std::string_literals;
using testing::encode_jpeg;
using testing::encode_png_rows;
using Pixels = std::vector<uint8_t>;

Image decoded(const std::string& file) { return decode_image(bytes_of(file), "test"); }

std::string complaint(const std::string& file) {
  try {
    decoded(file);
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

Pixels at(const Image& image, int x, int y) {
  const auto* p = image.pixels.data() + static_cast<size_t>((y * image.width + x) * image.channels);
  return {p, p + image.channels};
}

void expect_near(const Pixels& found, const Pixels& wanted, int most, const std::string& what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], wanted[i], most) << what << " " << i;
}

TEST(PngPictures, EveryDepthOfGrey) {
  for (const int depth : {1, 2, 4, 8, 16}) {
    // 0, then the largest value, in each row.
    const std::string row = depth == 1   ? "\x40"s
                            : depth == 2 ? "\x30"s
                            : depth == 4 ? "\x0f"s
                            : depth == 8 ? "\0\xff"s
                                         : "\0\0\xff\xff"s;
    const Image i = decoded(encode_png_rows(row + row, 2, 2, {depth, PNG_COLOR_TYPE_GRAY}));
    EXPECT_EQ(i.channels, 1) << depth;
    EXPECT_EQ(i.pixels, (Pixels{0, 255, 0, 255})) << depth;
  }
}

TEST(PngPictures, SixteenBitsAreRounded) {
  const Image i = decoded(encode_png_rows("\x01\x81\x01\x7f"s, 1, 2, {16, PNG_COLOR_TYPE_GRAY}));
  EXPECT_EQ(i.pixels, (Pixels{1, 1})) << "0x0181 / 257 is 1.498, 0x017f 1.49";
  const Image j = decoded(encode_png_rows("\x01\x82\x7f\xff"s, 1, 2, {16, PNG_COLOR_TYPE_GRAY}));
  EXPECT_EQ(j.pixels, (Pixels{2, 127})) << "386 / 257 is 1.502";
}

TEST(PngPictures, AlphaLiesOnWhite) {
  const Image i = decoded(encode_png_rows("\x64\x80\x64\0"s, 1, 2, {8, PNG_COLOR_TYPE_GRAY_ALPHA}));
  EXPECT_EQ(i.channels, 1);
  EXPECT_EQ(i.pixels, (Pixels{177, 255})) << "100 of opacity 128/255 on white; nothing on white";
  const Image c = decoded(encode_png_rows("\xff\0\0\xff\0\0\0\0"s, 1, 2, {8, PNG_COLOR_TYPE_RGBA}));
  EXPECT_EQ(c.pixels, (Pixels{255, 0, 0, 255, 255, 255}));
}

TEST(PngPictures, Palettes) {
  const std::string rows = "\x1b"s;  // 0, 1, 2, 3 in two bits each
  const std::vector<png_color> colours = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 9, 9}};
  const Image i = decoded(encode_png_rows(rows, 1, 4, {2, PNG_COLOR_TYPE_PALETTE, colours, {0}}));
  EXPECT_EQ(i.pixels, (Pixels{255, 255, 255, 0, 255, 0, 0, 0, 255, 9, 9, 9})) << "0 is clear";
  const std::vector<png_color> greys = {{0, 0, 0}, {50, 50, 50}, {100, 100, 100}, {9, 9, 9}};
  const Image g = decoded(encode_png_rows(rows, 1, 4, {2, PNG_COLOR_TYPE_PALETTE, greys}));
  EXPECT_EQ(g.channels, 1);
  EXPECT_EQ(g.pixels, (Pixels{0, 50, 100, 9}));
}

TEST(PngPictures, Interlaced) {
  const Pixels p = testing::slopes(13, 17);
  const std::string file = encode_png_rows({p.begin(), p.end()}, 13, 17, {.interlaced = true});
  EXPECT_EQ(decoded(file).pixels, p);
}

TEST(Pictures, OrientationsTurnUpright) {
  // Red grows along the stored rows, green along the stored columns; where (0, 0) is seen follows.
  const Pixels p = testing::slopes(8, 16);
  for (int o = 1; o <= 8; ++o) {
    const Image png = decoded(encode_png_rows({p.begin(), p.end()}, 8, 16, {.orientation = o}));
    EXPECT_EQ(png.height, o >= 5 ? 16 : 8) << o;
    EXPECT_EQ(png.width, o >= 5 ? 8 : 16) << o;
    const bool right = o == 2 || o == 3 || o == 6 || o == 7, bottom = o == 3 || o == 4 || o >= 7;
    const Pixels corner = at(png, right ? png.width - 1 : 0, bottom ? png.height - 1 : 0);
    EXPECT_EQ(corner, (Pixels{0, 0, 40})) << o;
    const Pixels other = at(png, right ? 0 : png.width - 1, bottom ? png.height - 1 : 0);
    EXPECT_EQ(other, o >= 5 ? (Pixels{0, 255, 40}) : (Pixels{255, 0, 40})) << o;
    const std::string file = encode_jpeg(p, 8, 16, JCS_RGB, o);
    const Image jpeg = decoded(file);
    expect_near(at(jpeg, right ? jpeg.width - 1 : 0, bottom ? jpeg.height - 1 : 0), {0, 0, 40}, 20,
                "JPEG " + std::to_string(o));
    const ImageInfo info = image_info(bytes_of(file), "test");
    EXPECT_EQ(info.height, jpeg.height);
    EXPECT_EQ(info.width, jpeg.width);
  }
}

TEST(JpegPictures, GreyColourAndCmyk) {
  const Image grey = decoded(encode_jpeg(Pixels(64, 77), 8, 8, JCS_GRAYSCALE));
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, Pixels(64, 77));
  const Pixels p = testing::slopes(16, 16);
  const Image colour = decoded(encode_jpeg(p, 16, 16, JCS_RGB, 1, /*progressive=*/true));
  expect_near(at(colour, 15, 15), {255, 255, 40}, 12, "colour");
  Pixels inks;
  for (int i = 0; i < 64; ++i) inks.insert(inks.end(), {200, 100, 0, 128});
  // libjpeg's writer marks CMYK as Adobe's, whose values are inverted: 255 is no ink.
  const Image cmyk = decoded(encode_jpeg(inks, 8, 8, JCS_CMYK));
  expect_near(at(cmyk, 3, 3), {100, 50, 0}, 2, "CMYK");
}

TEST(PnmPictures, AllKinds) {
  EXPECT_EQ(decoded("P1\n# bits\n3 1\n101\n").pixels, (Pixels{0, 255, 0}));
  EXPECT_EQ(decoded("P2 2 1 100 0 50").pixels, (Pixels{0, 128}));
  EXPECT_EQ(decoded("P3 1 1 255 1 2 3").pixels, (Pixels{1, 2, 3}));
  EXPECT_EQ(decoded("P4 10 1\n\x80\x40"s).pixels,
            (Pixels{0, 255, 255, 255, 255, 255, 255, 255, 255, 0}));
  EXPECT_EQ(decoded("P5 2 1 255\n\x01\xff"s).pixels, (Pixels{1, 255}));
  EXPECT_EQ(decoded("P5 1 1 65535\n\x80\0"s).pixels, (Pixels{128}));
  EXPECT_EQ(decoded("P6\n1 1\n255\n\x01\x02\x03"s).pixels, (Pixels{1, 2, 3}));
}

TEST(Pictures, EveryTruncationIsRefused) {
  const Pixels p = testing::slopes(9, 9);
  const std::string files[] = {testing::slopes_png(9, 9), encode_jpeg(p, 9, 9, JCS_RGB),
                               encode_jpeg(p, 9, 9, JCS_RGB, 6, /*progressive=*/true),
                               "P6 2 1 255\nabcdef", "P2 2 1 100 0 50 "};
  for (const std::string& whole : files) {
    EXPECT_EQ(complaint(whole), "");
    // The last number of a text may be shorter, and the last marker of a PNG or JPEG is no pixel.
    const size_t end = whole.size() - (whole[0] == 'P' ? whole[1] == '2' ? 3 : 1 : 12);
    for (size_t n = 0; n < end; ++n) EXPECT_NE(complaint(whole.substr(0, n)), "") << n;
  }
}

TEST(Pictures, BombsAreRefusedFromTheirHeader) {
  std::string png = testing::slopes_png(4, 4);
  const auto claim = [&](uint32_t extent) {
    std::string file = png;
    for (size_t axis = 0; axis < 2; ++axis) {
      for (size_t k = 0; k < 4; ++k)
        file[16 + 4 * axis + k] = static_cast<char>(extent >> (24 - 8 * k));
    }
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(file.data()) + 12, 17);
    for (size_t k = 0; k < 4; ++k) file[29 + k] = static_cast<char>(crc >> (24 - 8 * k));
    return file;
  };
  EXPECT_NE(complaint(claim(60000)).find("more than can be read"), std::string::npos)
      << complaint(claim(60000));
  EXPECT_NE(complaint(claim(8000)).find("bytes can hold"), std::string::npos)
      << complaint(claim(8000));
  EXPECT_NE(complaint(claim(0)), "");
  std::string jpeg = encode_jpeg(Pixels(64, 1), 8, 8, JCS_GRAYSCALE);
  const size_t frame = jpeg.find("\xff\xc0"s);
  ASSERT_NE(frame, jpeg.npos);
  jpeg.replace(frame + 5, 4, "\x20\0\x20\0"s);
  EXPECT_NE(complaint(jpeg).find("8192 x 8192 pixels, more than the file's"), std::string::npos)
      << complaint(jpeg);
  EXPECT_NE(complaint("P5 60000 60000 255\n0"), "");
  EXPECT_NE(complaint("P5 9999999999999 1 255\n0"), "");
}

TEST(Pictures, WhatIsNoneIsNamed) {
  EXPECT_NE(complaint("GIF89a....").find("a GIF picture; PNG, JPEG and PNM"), std::string::npos);
  EXPECT_NE(complaint("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"s).find("BMP"), std::string::npos);
  for (const char* text : {"BMI,age,weight\n1,2,3\n", "BMW drives on.", "P1\tP2\tP3\n1\t2\t3\n"})
    EXPECT_NE(complaint(text).find("no picture"), std::string::npos) << text;
  EXPECT_NE(complaint("RIFF\0\0\0\0WEBPVP8 "s).find("WebP"), std::string::npos);
  EXPECT_NE(complaint("II*\0........"s).find("TIFF"), std::string::npos);
  EXPECT_NE(complaint("PF\n1 1\n-1\n....").find("PFM"), std::string::npos);
  EXPECT_NE(complaint("Call me Ishmael.").find("no picture"), std::string::npos);
  EXPECT_NE(complaint("").find("empty"), std::string::npos);
  EXPECT_NE(complaint("P5 -1 5 255\n").find("the width is no whole number"), std::string::npos);
  EXPECT_NE(complaint("P2 1 1 0 0"), "");
  EXPECT_NE(complaint("P2 1 1 7 8").find("is more than 7"), std::string::npos);
}

// A file of the shared folder, and what an independent decoder (Pillow 13) finds in it: height,
// width, and RGB at (w/3, h/2-ish) places. The folder is not part of the tree.
struct Known {
  const char* file;
  int height, width;
  Pixels third, middle, last;  // at (w/3, h/3), (2w/3, h/2), (w-1, h-1)
  int most = 0;                // difference allowed
};

TEST(SharedPictures, HaveTheKnownPixels) {
  const char* shared = std::getenv("LATENT_SHARED");
  if (!shared) GTEST_SKIP() << "LATENT_SHARED is not set";
  const std::string folder = shared + "/data/images/"s;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  const Pixels kWhite = {255, 255, 255};
  const Known known[] = {
      {"awkward/1_trns.png", 64, 64, {255}, {255}, {255}},
      {"awkward/basn2c16.png", 32, 32, {173, 173, 0}, {82, 123, 49}, {0, 0, 255}, 1},
      {"awkward/basn6a16.png", 32, 32, {255, 255, 90}, {90, 165, 180}, kWhite, 1},
      {"awkward/foo3x5x4indexed.png", 3, 5, kWhite, kWhite, {0, 31, 255}},
      {"awkward/hopper_16bit.pgm", 128, 128, {58}, {167}, {157}},
      {"awkward/hopper_16bit_plain.pgm", 128, 128, {58}, {167}, {157}},
      {"awkward/hopper_1bit.pbm", 128, 128, {0}, {255}, {255}},
      {"awkward/hopper_8bit.pgm", 128, 128, {58}, {167}, {157}},
      {"awkward/hopper_8bit.ppm", 128, 128, {88, 47, 43}, {171, 166, 163}, {134, 160, 209}},
      {"awkward/hopper_bw_500.png", 500, 500, {0}, {255}, {255}},
      {"awkward/hopper_gray.jpg", 128, 128, {59}, {167}, {158}},
      {"awkward/hopper_idat_after_image_end.png",
       128,
       128,
       {88, 47, 43},
       {171, 166, 163},
       {134, 160, 209}},
      {"awkward/hopper_orientation_6.jpg",
       128,
       128,
       {90, 46, 21},
       {167, 153, 168},
       {132, 161, 201},
       1},
      {"awkward/junk_jpeg_header.jpg",
       768,
       1024,
       {249, 255, 255},
       {160, 134, 119},
       {19, 15, 12},
       1},
      {"awkward/l_trns.png", 64, 64, {62}, {255}, {219}},
      {"awkward/p_trns_single.png", 64, 64, kWhite, kWhite, {255, 0, 27}},
      {"awkward/padded_idat.png", 10, 256, {85}, {170}, {255}},
      {"awkward/palette_color.png", 10, 10, {153, 255, 0}, {204, 102, 0}, {102, 0, 204}},
      {"awkward/pil123p.png", 150, 162, {248, 218, 12}, {41, 26, 3}, kWhite, 1},
      {"awkward/pil123rgba.png", 150, 162, {254, 220, 10}, {41, 30, 6}, kWhite, 1},
      {"awkward/pil_sample_cmyk.jpg", 100, 100, {145, 16, 23}, {255, 14, 24}, {1, 4, 5}, 1},
      {"awkward/transparent.png", 150, 200, {94, 94, 197}, {208, 28, 28}, kWhite, 1},
      {"awkward/uncompressed_la.png", 128, 128, {205}, {255}, {255}, 1},
      {"exif-orientation/Landscape_1.jpg",
       1200,
       1800,
       {215, 227, 241},
       {133, 127, 111},
       {32, 31, 29},
       1},
      {"exif-orientation/Landscape_2.jpg",
       1200,
       1800,
       {217, 226, 241},
       {135, 125, 115},
       {32, 30, 31},
       1},
      {"exif-orientation/Landscape_3.jpg",
       1200,
       1800,
       {217, 226, 241},
       {135, 125, 115},
       {32, 30, 31},
       1},
      {"exif-orientation/Landscape_4.jpg",
       1200,
       1800,
       {215, 227, 241},
       {133, 127, 111},
       {32, 31, 29},
       1},
      {"exif-orientation/Landscape_5.jpg",
       1200,
       1800,
       {215, 227, 241},
       {136, 130, 114},
       {31, 30, 28},
       1},
      {"exif-orientation/Landscape_6.jpg",
       1200,
       1800,
       {217, 226, 241},
       {138, 128, 118},
       {31, 29, 30},
       1},
      {"exif-orientation/Landscape_7.jpg",
       1200,
       1800,
       {217, 226, 241},
       {138, 128, 118},
       {31, 29, 30},
       1},
      {"exif-orientation/Landscape_8.jpg",
       1200,
       1800,
       {215, 227, 241},
       {136, 130, 114},
       {31, 30, 28},
       1},
      {"grey/camera.png", 512, 512, {237}, {155}, {149}},
      {"photos/progressive_cat.jpg", 240, 320, {76, 70, 72}, {138, 151, 121}, {106, 111, 107}, 1},
      {"photos/retina.jpg", 1411, 1411, {238, 103, 73}, {229, 79, 52}, {0, 0, 0}, 1},
      {"photos/chelsea.png", 300, 451, {149, 118, 63}, {110, 91, 49}, {162, 138, 128}},
  };
  for (const Known& k : known) {
    const std::string file = read_file(folder + k.file);
    const Image i = decoded(file);
    const ImageInfo info = image_info(bytes_of(file), k.file);
    EXPECT_EQ(i.height, k.height) << k.file;
    EXPECT_EQ(i.width, k.width) << k.file;
    EXPECT_EQ(info.height, k.height) << k.file;
    EXPECT_EQ(info.channels, i.channels) << k.file;
    expect_near(at(i, i.width / 3, i.height / 3), k.third, k.most, k.file);
    expect_near(at(i, 2 * i.width / 3, i.height / 2), k.middle, k.most, k.file);
    expect_near(at(i, i.width - 1, i.height - 1), k.last, k.most, k.file);
  }
  const std::pair<const char*, const char*> bad[] = {
      {"broken.png", "PNG"},
      {"truncated.jpg", "JPEG"},
      {"truncated_image.png", "cut short"},
      {"truncated_jpeg.jpg", "remature"},
      {"negative_size.ppm", "no picture"},
      {"decompression_bomb.gif", "GIF"},
      {"dispose_bgnd.gif", "GIF"},
      {"hopper.gif", "GIF"},
      {"hopper.bmp", "BMP"},
      {"hopper_rle8.bmp", "BMP"},
      {"hopper.pfm", "PFM"},
      {"chessboard_GRAY_U16.tif", "TIFF"},
      {"zero_width.gif", "GIF"},
      {"no_palette.gif", "GIF"},
  };
  for (const auto& [name, word] : bad) {
    const std::string said = complaint(read_file(folder + "awkward/" + name));
    EXPECT_NE(said.find(word), std::string::npos) << name << ": " << said;
  }
}

}  // namespace
}  // namespace latent
