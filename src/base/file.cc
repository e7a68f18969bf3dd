// Reading, decompressing and durable writing of files by POSIX calls and zlib; see file.h.
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/memory.h"

namespace latent {

namespace {

// What a system call gives, made again when a signal has interrupted it; below 0 on failure, with
// errno.
template <class Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// An open file, closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : fd_(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })) {}
  // Another descriptor of an open file.
  explicit Descriptor(int fd) : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& o) noexcept : fd_(o.release()) {}
  Descriptor& operator=(Descriptor&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  // Some file systems (NFS) report a failed write only here. EINTR still closes the file on Linux.
  bool close() { return ::close(release()) == 0 || errno == EINTR; }

 private:
  int fd_ = -1;
};

FileFault fault_of_environment() {
  const char* text = std::getenv("LATENT_FILE_FAULT");
  int first = 0, error = 0;
  if (!text || std::sscanf(text, "%d:%d", &first, &error) != 2) return {};
  return [first, error, calls = 0](std::string_view, const std::string&) mutable {
    return ++calls >= first ? error : 0;
  };
}

FileFault& file_fault() {
  static FileFault fault = fault_of_environment();
  return fault;
}

// 0 to go on; else errno is set, or it is kShortWrite.
int fault_at(std::string_view call, const std::string& path) {
  if (!file_fault()) return 0;
  const int fault = file_fault()(call, path);
  if (fault > 0) errno = fault;
  return fault;
}

bool sync(int fd, const std::string& path) {
  return !fault_at("fsync", path) && uninterrupted([&] { return ::fsync(fd); }) == 0;
}

// Size of the file where it is known (a pipe has none), plus one so that the end is seen without
// growing.
size_t first_capacity(int fd, size_t max_bytes) {
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0;
  return std::min(known ? static_cast<size_t>(info.st_size) : size_t{1} << 16, max_bytes) + 1;
}

// Collects what `read(dst, n)` gives until it gives nothing. Memory grows with what has come, by
// doubling.
template <class Read>
std::string collect(const std::string& path, size_t capacity, size_t max_bytes, const char* what,
                    const Read& read) {
  std::string out(capacity, '\0');
  size_t size = 0;
  while (const size_t got = read(out.data() + size, out.size() - size)) {
    size += got;
    if (size > max_bytes) {
      throw DataError(
          std::string(what) + " more than the " + std::to_string(max_bytes) + " bytes allowed here",
          path);
    }
    if (size == out.size()) out.resize(std::min(2 * size, max_bytes) + 1);
  }
  out.resize(size);
  return out;
}

struct CloseGzip {
  void operator()(gzFile file) const { gzclose_r(file); }
};

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// A name in the same folder that no other call uses. A process that was killed may have left one of
// this number behind: then the caller asks for the next.
std::string temporary_name(const std::string& path) {
  static std::atomic<uint64_t> count{0};
  return path + "." + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".part";
}

void write_pieces(const Descriptor& file, const std::string& path,
                  std::span<const std::span<const std::byte>> pieces) {
  for (std::span<const std::byte> left : pieces) {
    while (!left.empty()) {
      const int fault = fault_at("write", path);
      const size_t size = fault == kShortWrite ? 1 : left.size();
      const ssize_t put =
          fault > 0 ? -1 : uninterrupted([&] { return ::write(file.get(), left.data(), size); });
      if (put < 0) throw SystemError("cannot write", path, errno);
      left = left.subspan(static_cast<size_t>(put));
    }
  }
}

struct Unlink {
  void operator()(const std::string* path) const { ::unlink(path->c_str()); }
};

}  // namespace

std::string read_file(const std::string& path, size_t max_bytes) {
  Descriptor file(path, O_RDONLY);
  if (!file.valid()) throw SystemError("cannot open", path, errno);
  return collect(path, first_capacity(file.get(), max_bytes), max_bytes, "the file holds",
                 [&](char* dst, size_t n) {
                   const ssize_t got = uninterrupted([&] { return ::read(file.get(), dst, n); });
                   if (got < 0) throw SystemError("cannot read", path, errno);
                   return static_cast<size_t>(got);
                 });
}

std::string read_gzip_or_plain(const std::string& path, size_t max_bytes) {
  Descriptor file = path == "-" ? Descriptor(STDIN_FILENO) : Descriptor(path, O_RDONLY);
  if (!file.valid()) throw SystemError("cannot open", path, errno);
  max_bytes = std::min(max_bytes, machine_bytes() / 2);
  const size_t capacity = first_capacity(file.get(), max_bytes);
  const std::unique_ptr<gzFile_s, CloseGzip> zip(gzdopen(file.get(), "rb"));
  if (!zip) throw SystemError("cannot read", path, ENOMEM);
  file.release();  // gzclose_r closes it
  gzbuffer(zip.get(), 1 << 18);
  return collect(path, capacity, max_bytes, "the file unpacks to", [&](char* dst, size_t n) {
    errno = 0;
    const int got = gzread(zip.get(), dst, static_cast<unsigned>(std::min<size_t>(n, 1 << 20)));
    int code = Z_OK;
    const char* message = gzerror(zip.get(), &code);
    if (code == Z_ERRNO) throw SystemError("cannot read", path, errno);
    if (code == Z_BUF_ERROR) {
      throw DataError("the gzip file ends before its data does; was the copy cut short?", path,
                      gzoffset(zip.get()));
    }
    if (got < 0 || code != Z_OK) {
      throw DataError(std::string("damaged gzip data: ") + message, path, gzoffset(zip.get()));
    }
    return static_cast<size_t>(got);
  });
}

void write_file_atomic(const std::string& path,
                       std::span<const std::span<const std::byte>> pieces) {
  if (path == "-") {
    Descriptor out(STDOUT_FILENO);
    if (!out.valid()) throw SystemError("cannot write", "standard output", errno);
    write_pieces(out, "standard output", pieces);
    return;
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    Descriptor file(path, O_WRONLY);
    if (!file.valid()) throw SystemError("cannot open for writing", path, errno);
    write_pieces(file, path, pieces);
    return;
  }
  if (fault_at("open", path)) throw SystemError("cannot make a file in the folder", path, errno);
  std::string temporary = temporary_name(path);
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
  while (!file.valid() && errno == EEXIST) {
    temporary = temporary_name(path);
    file = Descriptor(temporary, O_WRONLY | O_CREAT | O_EXCL);
  }
  if (!file.valid()) throw SystemError("cannot make a file in the folder", path, errno);
  std::unique_ptr<const std::string, Unlink> unfinished(&temporary);
  write_pieces(file, path, pieces);
  if (!sync(file.get(), path)) throw SystemError("cannot make durable", path, errno);
  if (fault_at("close", path) || !file.close()) throw SystemError("cannot write", path, errno);
  if (fault_at("rename", path) || ::rename(temporary.c_str(), path.c_str()) != 0)
    throw SystemError("cannot put in place", path, errno);
  static_cast<void>(unfinished.release());
  // The rename itself lasts only when the folder is on the disk too. EINVAL: a file system without
  // such a thing.
  Descriptor folder(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (!folder.valid() || (!sync(folder.get(), path) && errno != EINVAL)) {
    throw SystemError("cannot make its folder durable", path, errno);
  }
}

void write_file_atomic(const std::string& path, std::span<const std::byte> bytes) {
  const std::span<const std::byte> pieces[] = {bytes};
  write_file_atomic(path, pieces);
}

void write_file_atomic(const std::string& path, std::string_view text) {
  write_file_atomic(path, bytes_of(text));
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw SystemError("cannot make the folder", path, error.value());
}

void remove_leftovers(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    // name.PID-NUMBER.part, as temporary_name makes it
    const std::filesystem::path inner = entry.path().stem();
    const std::string tag = inner.extension().string();
    const bool ours = entry.path().extension() == ".part" && tag.size() > 3 &&
                      tag.find_first_not_of("0123456789-", 1) == tag.npos &&
                      tag.find('-') != tag.npos;
    if (ours) std::filesystem::remove(entry.path(), error);
  }
}

void set_file_fault(FileFault fault) { file_fault() = std::move(fault); }

}  // namespace latent
