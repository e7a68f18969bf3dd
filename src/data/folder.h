// Many files as one data set: those of a folder and of the folders below it, of a list, or of an
// archive, in one order, with labels from the folders' names; and what was wrong with some of
// them. Readers of pictures, sounds and texts stand on it: they see names and bytes, and do not
// know where these come from.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace latent {

struct FoundFile {
  std::string name;   // within the folder or archive, as in the list, or a single file's own name
  std::string label;  // a list's second column
  size_t place = 0;   // of a member within its archive
};

class FileSet {
 public:
  enum class Source { file, folder, list, zip, tar };

  /// A folder, read recursively (links are followed, never round in a circle; names that start
  /// with "." and __MACOSX are passed over); a text file that lists files one a line, relative to
  /// itself, with a label behind a tab if it likes; a ZIP or TAR archive, packed by gzip or not; or
  /// a file that stands for itself. Files are in bytewise order of their names, those of a list in
  /// the list's. DataError when there are none, SystemError when one cannot be looked at.
  static FileSet open(const std::string& path);

  /// Whether `path` is a folder, a list or an archive, by its content. False where nothing is.
  static bool recognizes(const std::string& path);

  Source source() const { return source_; }
  size_t size() const { return files_.size(); }
  const std::vector<FoundFile>& files() const { return files_; }
  const std::string& name(size_t i) const { return files_[i].name; }
  /// For messages: "sounds/a.wav", "sounds.zip:a.wav".
  std::string path(size_t i) const;
  /// The file's bytes; from any thread. Errors as read_file and unpack_member.
  std::string read(size_t i, size_t max_bytes = kMaxFileBytes) const;
  /// Its first bytes, a few thousand, by which it is recognised; unpacked if it is packed by gzip.
  /// "" when it cannot be read.
  std::string start(size_t i) const;
  /// The files at these places of the list, in this order.
  FileSet only(std::span<const size_t> places) const;

 private:
  FileSet() = default;
  Source source_ = Source::file;
  std::string root_;  // folder, archive, a list's folder, or the file
  std::vector<FoundFile> files_;
  struct Archive;
  std::shared_ptr<const Archive> archive_;
};

/// The first bytes of a file, at most so many, unpacked where it is packed by gzip; "" when it
/// cannot be read.
std::string file_start(const std::string& path, size_t most);

/// A label a file: its place in `classes`, which are sorted bytewise.
struct FileLabels {
  std::vector<int32_t> of_file;
  std::vector<std::string> classes;
};

/// `how` "folder": the first folder of each name; "list": the second column of a list. UsageError
/// for another word, DataError naming the first file that has none.
FileLabels file_labels(const FileSet& files, std::string_view how);

/// The numbers that labels had in training: `kept` are the classes of then, each with a NUL behind
/// it, filled in when empty. DataError naming `path` for a class that there was not.
void number_as_trained(FileLabels& labels, std::string& kept, const std::string& path);

/// A data set's name: the folder's, or the file's without its ending and .gz; stdin for "-".
std::string short_name(const std::string& path);

/// Files that could not be used, with the reason of each. Unless bad files are to be skipped, the
/// first one, in the order of the files and not of the threads, stops the reading.
class BadFiles {
 public:
  explicit BadFiles(bool skip) : skip_(skip) {}

  /// Runs f(), whose DataError becomes the reason of that file, as does a SystemError that says
  /// that it is not there or may not be read; true when f() ran to its end. From any thread. An
  /// error of another kind passes through.
  template <class F>
  bool attempt(size_t file, const std::string& path, const F& f) {
    try {
      f();
      return true;
    } catch (const DataError& e) {
      add(file, path, e.what(), e.offset());
    } catch (const SystemError& e) {
      if (e.error_number() != ENOENT && e.error_number() != EACCES) throw;
      add(file, path, e.what(), -1, std::current_exception());
    }
    return false;
  }
  /// `reason` may begin with the path and the offset, as the texts of errors do.
  void add(size_t file, std::string path, std::string reason, int64_t offset = -1,
           std::exception_ptr refused = nullptr);

  /// True when reading may as well end: a file is bad and none may be.
  bool stopped() const;
  /// DataError for the first bad file unless they are skipped, or when all of `files` are bad;
  /// SystemError when the system refused it.
  void check(size_t files) const;

  size_t count() const;
  /// Why that file is bad, "" when it is not.
  std::string reason(size_t file) const;
  /// In the order of the files, one line each: "sounds/a.wav: the reason".
  std::vector<std::string> lines() const;

 private:
  struct Bad {
    size_t file;
    std::string path, reason;
    int64_t offset;
    std::exception_ptr refused;  // by the system, else null
  };
  std::vector<Bad> sorted() const;

  bool skip_;
  mutable std::mutex mutex_;
  std::vector<Bad> bad_;
};

/// f(i) for every i below n, taken in order by all threads, until a file stops the reading.
void for_all(size_t n, const BadFiles& bad, const std::function<void(size_t)>& f);
/// The same, where nothing stops it.
inline void for_all(size_t n, const std::function<void(size_t)>& f) {
  for_all(n, BadFiles(true), f);
}

/// "left out 2 files:" and the first twenty with their reasons, a line each; "" when none is bad.
std::string left_out(const BadFiles& bad);

}  // namespace latent
