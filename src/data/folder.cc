// Lists folders, lists and archives, labels their files and collects bad ones; see folder.h.
#include "data/folder.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/team.h"
#include "base/words.h"
#include "data/plain_text.h"
#include "data/tar.h"
#include "data/zip.h"

namespace latent {

namespace {

namespace fs = std::filesystem;

struct stat info_of(const std::string& path, bool* there = nullptr) {
  struct stat info {};
  const bool found = ::stat(path.c_str(), &info) == 0;
  if (there) *there = found;
  if (!found && !there) throw SystemError("cannot look at", path, errno);
  return info;
}

bool is_regular(const std::string& path) {
  bool there = false;
  const struct stat info = info_of(path, &there);
  return there && S_ISREG(info.st_mode);
}

bool is_folder(const std::string& path) {
  bool there = false;
  const struct stat info = info_of(path, &there);
  return there && S_ISDIR(info.st_mode);
}

// What file managers leave behind, at any depth of a name.
bool passed_over(std::string_view name) {
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    if ((part.starts_with('.') && part != "." && part != "..") || part == "__MACOSX") return true;
    at = end + 1;
  }
  return false;
}

using Node = std::pair<dev_t, ino_t>;

// Adds the files below `folder`; `above` are the folders that it lies in, which a link may name
// again.
void walk(const std::string& folder, const std::string& prefix, std::vector<Node>& above,
          std::vector<FoundFile>& files) {
  const struct stat here = info_of(folder);
  const Node node{here.st_dev, here.st_ino};
  if (std::ranges::find(above, node) != above.end()) return;
  above.push_back(node);
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (passed_over(name)) continue;
    const std::string path = folder + "/" + name;
    bool there = false;
    const struct stat info = info_of(path, &there);
    if (there && S_ISDIR(info.st_mode))
      walk(path, prefix + name + "/", above, files);
    else if (!there || S_ISREG(info.st_mode))  // a broken link is told when it is read
      files.push_back({.name = prefix + name});
  }
  if (error) throw SystemError("cannot list the folder", folder, error.value());
  above.pop_back();
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string beside(const std::string& folder, const std::string& name) {
  return name.starts_with('/') ? name : folder + "/" + name;
}

// The lines of a list; empty lines and those that start with # are none.
std::vector<FoundFile> listed(std::string_view text) {
  std::vector<FoundFile> files;
  text.remove_prefix(mark_bytes(text));
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const size_t tab = line.find('\t');
    files.push_back({.name = std::string(line.substr(0, tab)),
                     .label = std::string(tab == line.npos ? "" : line.substr(tab + 1))});
  }
  return files;
}

constexpr size_t kStart = 8192;  // bytes by which a file is recognised

// A text is a list when one of its first lines names a file; `start` is the beginning of the text.
bool is_list(std::string_view start, const std::string& path) {
  if (!is_text(bytes_of(start))) return false;
  constexpr size_t kMostLookedAt = 8;
  const std::vector<FoundFile> files = listed(start);
  const auto first = std::span(files).first(std::min(files.size(), kMostLookedAt));
  return std::ranges::any_of(first, [&](const FoundFile& f) {
    return f.name.size() < 4096 && is_regular(beside(folder_of(path), f.name));
  });
}

}  // namespace

std::string file_start(const std::string& path, size_t most) {
  std::string start(most, '\0');
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
  const int got = file ? gzread(file.get(), start.data(), static_cast<unsigned>(most)) : -1;
  start.resize(static_cast<size_t>(std::max(got, 0)));
  return start;
}

struct FileSet::Archive {
  std::string bytes;
  std::vector<ZipMember> zip;
  std::vector<TarMember> tar;
};

bool FileSet::recognizes(const std::string& path) {
  if (is_folder(path)) return true;
  if (!is_regular(path)) return false;
  const std::string start = file_start(path, kStart);
  return is_zip(bytes_of(start)) || is_tar(bytes_of(start)) || is_list(start, path);
}

FileSet FileSet::open(const std::string& path) {
  FileSet set;
  set.root_ = path;
  if (is_folder(path)) {
    while (set.root_.size() > 1 && set.root_.ends_with('/')) set.root_.pop_back();
    set.source_ = Source::folder;
    std::vector<Node> above;
    walk(set.root_, "", above, set.files_);
    if (set.files_.empty()) throw DataError("the folder holds no files", path);
  } else if (!recognizes(path)) {
    info_of(path);
    set.files_.push_back({.name = fs::path(path).filename().string()});
  } else {
    auto archive = std::make_shared<Archive>();
    archive->bytes = read_gzip_or_plain(path);
    const auto bytes = bytes_of(archive->bytes);
    if (!is_zip(bytes) && !is_tar(bytes)) {
      set.source_ = Source::list;
      set.root_ = folder_of(path);
      set.files_ = listed(archive->bytes);
      return set;
    }
    const auto add = [&](const auto& members) {
      for (size_t i = 0; i < members.size(); ++i) {
        const std::string& name = members[i].name;
        if (!name.empty() && !name.ends_with('/') && !passed_over(name))
          set.files_.push_back(
              {.name = name.starts_with("./") ? name.substr(2) : name, .place = i});
      }
    };
    if (is_zip(bytes)) {
      set.source_ = Source::zip;
      add(archive->zip = zip_members(bytes, path));
    } else {
      set.source_ = Source::tar;
      add(archive->tar = tar_members(bytes, path));
    }
    if (set.files_.empty()) throw DataError("the archive holds no files", path);
    set.archive_ = std::move(archive);
  }
  std::ranges::stable_sort(set.files_, {}, &FoundFile::name);
  return set;
}

std::string FileSet::path(size_t i) const {
  switch (source_) {
    case Source::file:
      return root_;
    case Source::folder:
    case Source::list:
      return beside(root_, files_[i].name);
    case Source::zip:
    case Source::tar:
      return root_ + ":" + files_[i].name;
  }
  throw InternalError("a source of files without a name");
}

std::string FileSet::read(size_t i, size_t max_bytes) const {
  if (!archive_) return read_file(path(i), max_bytes);
  const auto bytes = bytes_of(archive_->bytes);
  const bool zip = source_ == Source::zip;
  const uint64_t size =
      zip ? archive_->zip[files_[i].place].bytes : archive_->tar[files_[i].place].bytes;
  if (size > max_bytes)
    throw DataError(
        "the file holds more than the " + std::to_string(max_bytes) + " bytes allowed here",
        path(i));
  if (zip) return unpack_member(bytes, archive_->zip[files_[i].place], path(i));
  return archive_->bytes.substr(archive_->tar[files_[i].place].at, size);
}

std::string FileSet::start(size_t i) const {
  if (!archive_) return file_start(path(i), kStart);
  const auto bytes = bytes_of(archive_->bytes);
  const size_t place = files_[i].place;
  try {
    if (source_ == Source::zip) return member_start(bytes, archive_->zip[place], path(i), kStart);
    const TarMember& member = archive_->tar[place];
    return archive_->bytes.substr(member.at, std::min<uint64_t>(member.bytes, kStart));
  } catch (const DataError&) {
    return "";
  }
}

FileSet FileSet::only(std::span<const size_t> places) const {
  FileSet set = *this;
  set.files_.clear();
  for (const size_t i : places) set.files_.push_back(files_[i]);
  return set;
}

FileLabels file_labels(const FileSet& files, std::string_view how) {
  if (how != "folder" && how != "list")
    throw UsageError(
        "labels of files come from \"folder\", the first folder of their names, or "
        "\"list\", the second column of a list; \"" +
        std::string(how) + "\" was asked for");
  std::vector<std::string> labels;
  for (size_t i = 0; i < files.size(); ++i) {
    const FoundFile& file = files.files()[i];
    const size_t slash = file.name.find('/');
    if (how == "folder" && slash == file.name.npos)
      throw DataError(
          "labels from folders were asked for, but the file lies in none: put it into "
          "a folder of its class",
          files.path(i));
    if (how == "list" && file.label.empty())
      throw DataError(
          "labels from a list were asked for, but no label stands behind the file: "
          "lines are a path, a tab and a label",
          files.path(i));
    labels.push_back(how == "list" ? file.label : file.name.substr(0, slash));
  }
  FileLabels out{.classes = labels};
  std::ranges::sort(out.classes);
  out.classes.erase(std::unique(out.classes.begin(), out.classes.end()), out.classes.end());
  for (const std::string& label : labels)
    out.of_file.push_back(
        static_cast<int32_t>(std::ranges::lower_bound(out.classes, label) - out.classes.begin()));
  return out;
}

void number_as_trained(FileLabels& labels, std::string& kept, const std::string& path) {
  if (kept.empty()) {
    for (const std::string& c : labels.classes) kept += c + '\0';
    return;
  }
  std::vector<std::string> classes;
  for (size_t at = 0, end; (end = kept.find('\0', at)) != kept.npos; at = end + 1)
    classes.push_back(kept.substr(at, end - at));
  for (int32_t& label : labels.of_file) {
    const std::string& text = labels.classes[static_cast<size_t>(label)];
    const auto found = std::ranges::find(classes, text);
    if (found == classes.end())
      throw DataError("the model was trained without the class \"" + text + "\"", path);
    label = static_cast<int32_t>(found - classes.begin());
  }
  labels.classes = std::move(classes);
}

std::string short_name(const std::string& path) {
  if (path == "-") return "stdin";
  const fs::path whole = fs::absolute(path).lexically_normal();
  std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  std::error_code error;
  if (fs::is_directory(whole, error)) return name;
  if (name.ends_with(".gz") && name.size() > 3) name.resize(name.size() - 3);
  const size_t dot = name.rfind('.');
  constexpr size_t kLongest = 5;  // as .jpeg
  if (dot != name.npos && dot > 0 && name.size() - dot <= kLongest) name.resize(dot);
  return name;
}

void BadFiles::add(size_t file, std::string path, std::string reason, int64_t offset,
                   std::exception_ptr refused) {
  if (reason.starts_with(path) && reason.find(": ", path.size()) != reason.npos)
    reason.erase(0, reason.find(": ", path.size()) + 2);
  const std::lock_guard lock(mutex_);
  bad_.push_back({file, std::move(path), std::move(reason), offset, std::move(refused)});
}

bool BadFiles::stopped() const {
  const std::lock_guard lock(mutex_);
  return !skip_ && !bad_.empty();
}

size_t BadFiles::count() const {
  const std::lock_guard lock(mutex_);
  return bad_.size();
}

std::string BadFiles::reason(size_t file) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(bad_, file, &Bad::file);
  return found == bad_.end() ? "" : found->reason;
}

std::vector<BadFiles::Bad> BadFiles::sorted() const {
  const std::lock_guard lock(mutex_);
  std::vector<Bad> bad = bad_;
  std::ranges::stable_sort(bad, {}, &Bad::file);
  return bad;
}

void BadFiles::check(size_t files) const {
  const std::vector<Bad> bad = sorted();
  if (bad.empty() || (skip_ && bad.size() < files)) return;
  const Bad& first = bad[0];
  if (skip_)
    throw DataError(
        "none of the " + std::to_string(files) + " files can be used; the first: " + first.reason,
        first.path, first.offset);
  if (first.refused) std::rethrow_exception(first.refused);
  throw DataError(first.reason + (files > 1 ? "; --skip-bad leaves such files out" : ""),
                  first.path, first.offset);
}

std::vector<std::string> BadFiles::lines() const {
  std::vector<std::string> lines;
  for (const Bad& bad : sorted()) lines.push_back(bad.path + ": " + bad.reason);
  return lines;
}

void for_all(size_t n, const BadFiles& bad, const std::function<void(size_t)>& f) {
  std::atomic<size_t> next = 0;
  Team team(static_cast<int>(std::clamp<size_t>(n, 1, static_cast<size_t>(default_threads()))));
  const std::function<void(int)> walk = [&](int) {
    for (size_t i = next++; i < n && !bad.stopped(); i = next++) f(i);
  };
  team.run(walk);
  team.wait();
}

std::string left_out(const BadFiles& bad) {
  constexpr size_t kMostTold = 20;
  const std::vector<std::string> lines = bad.lines();
  if (lines.empty()) return "";
  std::string text = "left out " + counted(std::ssize(lines), "file") + ":";
  for (size_t i = 0; i < std::min(lines.size(), kMostTold); ++i) text += "\n  " + lines[i];
  if (lines.size() > kMostTold)
    text += "\n  and " + std::to_string(lines.size() - kMostTold) + " more";
  return text;
}

}  // namespace latent
